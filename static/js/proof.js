// Does the sum that stands between a machine and the payment page, then sends the form.
// WebCrypto reckons beside the page, so that it stays alive; without it the mail is still there.
const form = document.getElementById('proof');
const bar = form.querySelector('progress');
const status = form.querySelector('[role="status"]');
const button = form.querySelector('button');
// Several at one time: a phone has more than one core.
const AT_ONCE = 16;

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');

async function derive({ nonce, salt, cost, keyLength }, counter) {
  const password = new Uint8Array([...bytes(nonce), 0, 0, 0, 0]);
  new DataView(password.buffer).setUint32(password.length - 4, counter);
  const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes(salt), iterations: cost };
  return hex(await crypto.subtle.deriveBits(how, key, keyLength * 8));
}

async function solve(parameters) {
  const { most } = parameters.data;
  for (let first = 0; first <= most; first += AT_ONCE) {
    const counters = Array.from({ length: AT_ONCE }, (_, number) => first + number);
    const keys = await Promise.all(counters.map((counter) => derive(parameters, counter)));
    const found = keys.findIndex((key) => key.startsWith(parameters.keyPrefix));
    if (found >= 0) return { counter: first + found, derivedKey: keys[found] };
    bar.value = (100 * first) / most;
  }
  throw new Error('no answer where there must be one');
}

async function prove() {
  form.hidden = false;
  status.textContent = 'Working …';
  const challenge = JSON.parse(form.dataset.challenge);
  let solution;
  try {
    solution = await solve(challenge.parameters);
  } catch {
    status.textContent = 'It didn’t work in this browser. Please go on by e-mail, below.';
    return;
  }
  form.elements.proof.value = btoa(JSON.stringify({ challenge, solution }));
  bar.value = 100;
  status.textContent = 'Done. Taking you to the payment page …';
  button.disabled = false;
  form.requestSubmit();
}

if (globalThis.crypto?.subtle) prove();
