// The page: plain HTML from the server, without scripts.

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Escape `text` for HTML elements and quoted attributes. */
export function escape(text) {
  return String(text).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/**
 * Return the page. `notes` is the list to show, newest first, or null if it cannot be read.
 * `problem` is a sentence to show. `text` and `id` fill the form again, so that the user's text is
 * not lost, and is stored only once if the form is sent again.
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
<label for="text">New note</label>
<textarea id="text" name="text" rows="3" maxlength="${maxLength}" required autofocus>
${escape(text)}</textarea>
<button>Save</button>
</form>
${notes === null ? "" : renderNotes(notes)}
</main>
<footer>my-node-app: the notes are in MongoDB, and all units share them</footer>
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
