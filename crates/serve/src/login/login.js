// The log-in page: sends the form, says what was wrong, waits where it has to, and goes back to where the reader was.

const place = new URLSearchParams(location.search);
const [form, said, go] = ['form', 'said', 'go'].map((id) => document.getElementById(id));
const theme = localStorage.getItem('tripline.theme');
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;

/** A place of this dashboard alone. */
function next() {
  try {
    const url = new URL(place.get('next') ?? '/', location.origin);
    if (url.origin === location.origin && url.pathname !== '/login') return url.pathname + url.search + url.hash;
  } catch {
    // No address: the overview.
  }
  return '/';
}

const provider = document.getElementById('provider');
if (provider) provider.href += `?next=${encodeURIComponent(next())}`;

function say(text) {
  said.textContent = text;
  said.hidden = text === '';
}

/** Counts down while the server would turn every attempt away. */
function wait(seconds) {
  const until = Date.now() + seconds * 1000;
  const step = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    go.disabled = left > 0;
    if (left <= 0) return say('');
    say(`Too many log-ins that failed. Try again in ${left} s.`);
    setTimeout(step, 500);
  };
  step();
}

async function send(event) {
  event.preventDefault();
  const { name, password } = form.elements;
  const missing = [name, password].find((field) => field.value === '');
  if (missing) {
    missing.focus();
    return say(missing === name ? 'Type your user name.' : 'Type your password.');
  }
  say('');
  go.disabled = true;
  go.textContent = 'Logging in …';
  try {
    const answer = await fetch('/api/v1/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ name: name.value, password: password.value }),
    });
    if (answer.ok) return location.replace(next());
    const problem = await answer.json().catch(() => ({}));
    go.disabled = false;
    if (answer.status === 429) wait(Number(answer.headers.get('retry-after')) || 5);
    else {
      say(answer.status === 401 ? 'The name or the password is wrong.' : (problem.detail ?? `The server answered ${answer.status}.`));
      password.select();
      password.focus();
    }
  } catch {
    go.disabled = false;
    say('The server cannot be reached. Is tripline still running?');
  } finally {
    go.textContent = 'Log in';
  }
}
form.addEventListener('submit', send);

// Who is logged in already, or need not be, came here by a link from elsewhere.
const session = await fetch('/api/v1/session').catch(() => undefined);
if (session?.ok) location.replace(next());
else if (place.has('said')) say(place.get('said') === 'ended' ? 'You were logged out. Log in again to go on.' : 'The identity provider did not let you in. An administrator sees why in the audit log.');
