// The page: plain HTML made on the server. It runs no script, in the browser of anybody.

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Return `text` as it may stand in HTML, in an element or between quotes. */
export function escape(text) {
  return String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/**
 * Return the page. `notes` is the list to show, newest first, or null while it cannot be read.
 * `problem` is a sentence to show, and `text` and `id` refill the form, so that what somebody
 * typed is never lost and is stored once however often the form is sent.
 */
export function renderPage({ notes, id, text = "", problem = "", maxLength }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notes</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>Notes</h1>
${problem && `<p class="problem" role="alert">${escape(problem)}</p>`}
<form method="post" action="/">
<input type="hidden" name="id" value="${escape(id)}">
<label for="text">A new note</label>
<textarea id="text" name="text" rows="3" maxlength="${maxLength}" required autofocus>
${escape(text)}</textarea>
<button>Keep it</button>
</form>
${notes === null ? "" : renderNotes(notes)}
</main>
<footer>my-node-app: kept in MongoDB, shared by every unit</footer>
</body>
</html>
`;
}

function renderNotes(notes) {
  if (notes.length === 0) return '<p class="none">There are no notes yet.</p>';
  const items = notes.map(({ text, created }) => {
    const time = created.slice(0, 19).replace("T", " ");
    return `<li><p>${escape(text)}</p><time datetime="${escape(created)}">${time} UTC</time></li>`;
  });
  return `<ol class="notes">\n${items.join("\n")}\n</ol>`;
}
