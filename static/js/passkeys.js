// Lets the browser make a passkey, or sign with one, where a page has a form for it.
// The forms stay hidden where the browser knows no passkeys: each page has another way.

const { webauthnJSON } = window;

async function optionsOf(form) {
  if (!form.dataset.optionsFrom) return JSON.parse(form.dataset.options);
  const response = await fetch(form.dataset.optionsFrom, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`options: ${response.status}`);
  return (await response.json()).request_options;
}

async function create(options) {
  // A passkey: kept by the device, and opened by a finger, a face or a PIN.
  options.publicKey.authenticatorSelection = {
    ...options.publicKey.authenticatorSelection,
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  };
  return webauthnJSON.create(options);
}

function wordsFor(error) {
  if (error.name === "NotAllowedError") return "Nothing has happened: it was cancelled, or took too long. Try again, or choose another way.";
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  if (error.name === "SecurityError") return "Passkeys don’t work at this address of the site.";
  return "That didn’t work. Try again, or choose another way.";
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!webauthnJSON.supported()) continue;
  const status = form.querySelector("[role=status]");
  form.hidden = false;
  document.querySelector(`[data-without="${form.id}"]`)?.remove();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    status.textContent = "Your browser is asking for the passkey.";
    try {
      const options = await optionsOf(form);
      const credential = await (form.dataset.passkey === "create" ? create(options) : webauthnJSON.get(options));
      form.querySelector("[name=credential]").value = JSON.stringify(credential);
      form.submit();
    } catch (error) {
      status.textContent = wordsFor(error);
    }
  });
}
