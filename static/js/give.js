// Keeps the two ways to name an amount from contradicting each other, and says how much a month
// comes to; without it the form says so in general words.
const other = document.querySelector('input[name="other"]');
const monthly = document.getElementById('monthly-amount');

function tellAmount() {
  const chosen = document.querySelector('input[name="amount"]:checked');
  if (!monthly || !chosen) return;
  const typed = other?.value.trim();
  const symbol = other?.previousElementSibling?.textContent ?? '';
  if (chosen.value !== 'other') monthly.textContent = chosen.nextElementSibling.textContent;
  else monthly.textContent = typed ? symbol + typed.replace(symbol, '') : 'the same amount';
}

other?.addEventListener('input', () => {
  const marked = document.querySelector('input[name="amount"][value="other"]');
  if (other.value && marked) marked.checked = true;
  tellAmount();
});

for (const choice of document.querySelectorAll('input[name="amount"]')) {
  choice.addEventListener('change', () => {
    if (other && choice.value !== 'other') other.value = '';
    tellAmount();
  });
}

tellAmount();
