// Shows the real page beside the words and keeps it in step as one types; without it the button
// opens the page in a new tab.
const form = document.getElementById('words');
const beside = document.querySelector('.beside');
const frame = beside.querySelector('iframe');
const status = beside.querySelector('[role="status"]');
const PAUSE = 500;
let timer;
let asked = 0;

async function show() {
  const mine = ++asked;
  try {
    const answer = await fetch(form.dataset.preview, { method: 'POST', body: new FormData(form) });
    // Led elsewhere: to sign in anew.
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (mine !== asked) return;
    // Only what is inside is exchanged, so the page stays where it was scrolled to.
    const shown = frame.contentDocument;
    for (const part of ['main', 'footer']) {
      shown.querySelector(part)?.replaceWith(shown.adoptNode(page.querySelector(part)));
    }
    status.textContent = 'In step with the form. Nothing is saved.';
  } catch {
    if (mine === asked) status.textContent = 'Not in step: the page could not be fetched.';
  }
}

frame.addEventListener('load', () => {
  const shown = frame.contentDocument;
  if (shown?.URL === 'about:blank') return;
  if (!shown) {
    status.textContent = 'The page can’t be shown here at present. The button opens it in a new tab.';
    return;
  }
  // Links lead nowhere from here, but to places on the page.
  shown.addEventListener('click', (event) => {
    if (event.target.closest('a[href]:not([href^="#"])')) event.preventDefault();
  });
  show();
});

if (matchMedia('(width >= 75rem)').matches) {
  beside.hidden = false;
  frame.src = form.dataset.preview;
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE);
  });
}
