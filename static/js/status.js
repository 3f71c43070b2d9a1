// Asks how a payment stands until it changes, then shows the page anew.

const status = document.getElementById("status");
const { statusUrl, state } = status.dataset;

async function ask() {
  if (document.hidden) return;
  try {
    const response = await fetch(statusUrl, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const answer = await response.json();
    if (answer.state !== state) {
      clearInterval(timer);
      status.textContent = "There’s news. Loading it now.";
      location.reload();
    }
  } catch {
    // No network for a moment: the next question may get through.
  }
}

const timer = setInterval(ask, 2000);
status.textContent = "We’re asking every few seconds. This page will change by itself.";
