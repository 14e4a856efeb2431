// Bodies and values: a button that copies them, JSON in colour, and its parts folded.
(() => {
  const LINES = 40; // From how many lines on the inner parts of JSON are folded at first.
  const INNER = 8; // How many lines such a part has at least.
  const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

  const button = (name, label, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = name;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => act(made));
    return made;
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Without permission, or where the page is not a secure context, the old way may still do.
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "hidden";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  const copying = (pre) => {
    const text = pre.textContent;
    const holder = document.createElement("div");
    holder.className = "holder";
    const label = `Copy ${pre.dataset.copy}`;
    const made = button("copy", label, async (self) => {
      self.textContent = (await copy(text)) ? "copied" : "not copied";
      setTimeout(() => (self.textContent = "copy"), 1500);
    });
    made.textContent = "copy";
    pre.replaceWith(holder);
    holder.append(pre, made);
  };

  const coloured = (text) => {
    const line = document.createElement("span");
    line.className = "line";
    let end = 0;
    for (const found of text.matchAll(TOKENS)) {
      line.append(text.slice(end, found.index));
      const part = document.createElement("span");
      part.className = found[2] ? "name" : found[1] ? "text" : "other";
      part.textContent = found[1] || found[0];
      line.append(part, found[2] || "");
      end = found.index + found[0].length;
    }
    line.append(text.slice(end));
    return line;
  };

  // JSON stands laid out, two spaces a level: a part ends at the next line that is indented as its first one is.
  const folding = (pre) => {
    const texts = pre.textContent.split("\n");
    const depths = texts.map((text) => text.search(/\S|$/));
    const lines = texts.map(coloured);
    const folded = new Set();
    const ends = new Map();
    const draw = () => {
      let hidden = -1;
      lines.forEach((line, index) => {
        line.hidden = index <= hidden;
        if (!line.hidden && folded.has(index)) hidden = ends.get(index) - 1;
      });
    };
    const open = [];
    texts.forEach((text, index) => {
      if (open.length && depths[open.at(-1)] === depths[index]) {
        const first = open.pop();
        if (index > first + 1) ends.set(first, index);
      }
      if (/[[{]$/.test(text)) open.push(index);
    });
    for (const [first, last] of ends) {
      const count = last - first - 1;
      const toggle = button("fold", `${count} lines`, (self) => {
        folded.has(first) ? folded.delete(first) : folded.add(first);
        self.setAttribute("aria-expanded", String(!folded.has(first)));
        draw();
      });
      if (texts.length > LINES && depths[first] > 0 && count >= INNER) folded.add(first);
      toggle.setAttribute("aria-expanded", String(!folded.has(first)));
      lines[first].prepend(toggle);
    }
    pre.replaceChildren(...lines.flatMap((line, index) => (index ? ["\n", line] : [line])));
    draw();
  };

  // A text that this font makes wider than its box is set closer.
  const fit = (root) => {
    for (const text of root.querySelectorAll(".box text")) {
      const box = text.closest(".box");
      const beside = text.classList.contains("label") ? box.querySelector(".count") : null;
      const room = box.querySelector("rect").width.baseVal.value - 24 - (beside ? beside.getComputedTextLength() : 0);
      if (text.getComputedTextLength() > room) {
        text.setAttribute("textLength", String(room));
        text.setAttribute("lengthAdjust", "spacingAndGlyphs");
      }
    }
  };

  const done = new WeakSet();
  const ready = (root) => {
    fit(root);
    for (const pre of root.querySelectorAll("pre[data-copy]")) {
      if (done.has(pre) || !pre.checkVisibility()) continue;
      done.add(pre);
      copying(pre);
      if (pre.classList.contains("json")) folding(pre);
    }
    for (const region of root.querySelectorAll("pre")) {
      // What scrolls can be reached by the keyboard.
      if (region.scrollHeight > region.clientHeight || region.scrollWidth > region.clientWidth) region.tabIndex = 0;
    }
  };
  ready(document);
  // A live page has put something in.
  document.addEventListener("arazzo:shown", (event) => ready(event.target));
  document.addEventListener("toggle", (event) => event.target.open && ready(event.target), true);
})();
