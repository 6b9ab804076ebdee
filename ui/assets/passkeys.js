// Forms that a passkey answers: the browser's authenticator is asked before they are sent. Without
// this script, or in a browser that knows no passkeys, they stay hidden.

const known = typeof PublicKeyCredential === "function"
  && typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function"
  && typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function";

if (known) {
  for (const note of document.querySelectorAll("[data-no-passkey]")) note.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(form);
    });
  }
}

async function answer(form) {
  const problem = form.querySelector("[data-passkey-problem]");
  const button = form.querySelector("button");
  problem.hidden = true;
  button.disabled = true;
  try {
    const asked = await ask(form);
    if (!asked) return;
    const credential = await present(form.dataset.passkey, asked.options);
    form.elements.question.value = asked.question;
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    problem.textContent = words(error);
    problem.hidden = false;
    button.disabled = false;
  }
}

/** The question for the authenticator; none when the page is left to confirm who it is first. */
async function ask(form) {
  const token = form.elements.csrf_token;
  const body = new URLSearchParams(token ? { csrf_token: token.value } : {});
  const response = await fetch(form.dataset.question, { method: "POST", body });
  if (response.ok) return response.json();
  const { type, title } = await response.json();
  if (type === "proof-needed") {
    location.assign(`/confirm?next=${encodeURIComponent(location.pathname)}`);
    return null;
  }
  throw new Problem(title);
}

async function present(kind, options) {
  const credential = kind === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  return credential.toJSON();
}

/** What the dashboard answered, in its own words. */
class Problem extends Error {}

function words(error) {
  if (error instanceof Problem) return `${error.message}.`;
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  if (error.name === "NotAllowedError") return "The passkey was not confirmed, or it took too long. Try again.";
  return "Your browser could not use a passkey here.";
}
