// Keeps the two ways to name an amount from contradicting each other; without it the form says so.
const other = document.querySelector('input[name="other"]');

other?.addEventListener('input', () => {
  const marked = document.querySelector('input[name="amount"][value="other"]');
  if (other.value && marked) marked.checked = true;
});

for (const preset of document.querySelectorAll('input[name="amount"]:not([value="other"])')) {
  preset.addEventListener('change', () => { if (other) other.value = ''; });
}
