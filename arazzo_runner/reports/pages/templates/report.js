"use strict";
(() => {
  const list = document.getElementById("list");
  const search = document.getElementById("search");
  const onlyFailed = document.getElementById("only-failed");
  const found = document.getElementById("found");
  const nothing = document.getElementById("nothing");
  const attempts = [...list.querySelectorAll(".attempt")];
  const between = [...list.querySelectorAll(".between")];
  const all = found.textContent;
  const texts = new Map();

  // Texts are gathered when the first search begins: a page that nobody searches does not pay for it.
  const textOf = (attempt) => {
    if (!texts.has(attempt)) texts.set(attempt, attempt.textContent.replace(/\s+/g, " ").toLowerCase());
    return texts.get(attempt);
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const failed = Boolean(onlyFailed && onlyFailed.checked);
    let shown = 0;
    for (const attempt of attempts) {
      const fits = (!failed || attempt.classList.contains("failed")) && words.every((w) => textOf(attempt).includes(w));
      attempt.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    const filtering = failed || words.length > 0;
    for (const item of between) item.hidden = filtering;
    nothing.hidden = shown > 0 || !filtering;
    found.textContent = filtering ? `${shown.toLocaleString("en")} of ${all}` : all;
    highlight(words);
    // What was found begins where it can be seen.
    if (filtering && list.getBoundingClientRect().top < 0) list.parentElement.scrollIntoView({ behavior: "instant" });
  };

  // Found words are marked where the browser can do so without touching the document.
  const highlight = (words) => {
    if (!("highlights" in CSS)) return;
    CSS.highlights.delete("found");
    if (!words.length) return;
    const ranges = [];
    const opened = attempts.filter((attempt) => !attempt.hidden).slice(0, 200);
    for (const attempt of opened) {
      const visible = attempt.firstElementChild.open ? attempt : attempt.querySelector("summary");
      const walker = document.createTreeWalker(visible, NodeFilter.SHOW_TEXT);
      while (walker.nextNode() && ranges.length < 5000) {
        const text = walker.currentNode.data.toLowerCase();
        for (const word of words) {
          for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
            const range = new Range();
            try {
              range.setStart(walker.currentNode, at);
              range.setEnd(walker.currentNode, at + word.length);
            } catch {
              // Lower case can be longer than what it came from.
              break;
            }
            ranges.push(range);
          }
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  };

  let soon = 0;
  const filterSoon = () => {
    clearTimeout(soon);
    soon = setTimeout(filter, 80);
  };
  search.addEventListener("input", filterSoon);
  if (onlyFailed) onlyFailed.addEventListener("change", filter);
  list.addEventListener("toggle", () => search.value && filterSoon(), true);

  // What a search hides stays closed, and is closed with the rest.
  const openAll = (open) => {
    for (const attempt of attempts) attempt.firstElementChild.open = open && !attempt.hidden;
  };
  document.getElementById("expand").addEventListener("click", () => openAll(true));
  document.getElementById("collapse").addEventListener("click", () => openAll(false));

  const goTo = (attempt) => {
    const summary = attempt.querySelector("summary");
    summary.focus({ preventScroll: true });
    attempt.scrollIntoView({ block: "nearest" });
  };

  // A link to an attempt opens it, also when a search hides it or when it is followed again.
  const show = () => {
    const attempt = document.getElementById(location.hash.slice(1));
    if (!attempt || !attempt.classList.contains("attempt")) return;
    if (attempt.hidden) {
      search.value = "";
      if (onlyFailed) onlyFailed.checked = false;
      filter();
    }
    attempt.firstElementChild.open = true;
    attempt.querySelector("summary").focus({ preventScroll: true });
    attempt.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", show);
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#attempt-"]');
    if (link && link.getAttribute("href") === location.hash) show();
  });

  const step = (by) => {
    const shown = attempts.filter((attempt) => !attempt.hidden);
    const here = shown.indexOf(document.activeElement.closest(".attempt"));
    const next = shown[here < 0 ? (by > 0 ? 0 : shown.length - 1) : here + by];
    if (next) goTo(next);
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = document.activeElement === search;
    const inList = document.activeElement.matches(".attempt > details > summary");
    if (event.key === "/" && !typing) search.focus();
    else if (event.key === "Escape" && (typing || search.value)) {
      if (typing && !search.value) search.blur();
      search.value = "";
      filter();
    } else if (typing && event.key === "ArrowDown") step(1);
    else if (typing) return;
    else if (event.key === "j" || (inList && event.key === "ArrowDown")) step(1);
    else if (event.key === "k" || (inList && event.key === "ArrowUp")) step(-1);
    else return;
    event.preventDefault();
  });

  const timeline = document.querySelector(".timeline");
  if (timeline) {
    const bars = [...timeline.querySelectorAll("a")].sort(
      (a, b) => Number(a.getAttribute("href").slice(9)) - Number(b.getAttribute("href").slice(9))
    );
    timeline.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by || !bars.length) return;
      const here = bars.indexOf(document.activeElement);
      bars[here < 0 ? 0 : Math.min(Math.max(here + by, 0), bars.length - 1)].focus();
      event.preventDefault();
    });
  }

  show();
})();
