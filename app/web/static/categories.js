// The list of categories: what is typed leaves out the others at once. Without this script the form
// does the same with its button.

const form = document.getElementById("filter");
const found = document.getElementById("found");
const PAUSE = 150; // milliseconds without a key: nobody waits for the letters before the last

let asking = new AbortController();
let timer = 0;

async function show() {
  asking.abort(); // what an earlier letter asked for must not come after this
  asking = new AbortController();
  const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
  try {
    const response = await fetch(address, { signal: asking.signal, cache: "no-store" });
    if (!response.ok || response.redirected) return form.submit();
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.getElementById("shown").textContent = page.getElementById("shown").textContent;
    found.replaceChildren(...page.getElementById("found").childNodes);
    history.replaceState(null, "", address);
  } catch (error) {
    if (error.name !== "AbortError") form.submit();
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  show();
});
