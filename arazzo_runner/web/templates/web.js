// Live pages: regions that the server sends anew, attempts that are loaded when they are opened, countdowns, keys.
"use strict";
(() => {
  const list = document.getElementById("list");
  const told = document.getElementById("told");
  const run = document.body.dataset.run;
  let ahead = 0; // How far the server's clock is ahead of ours, in seconds.

  const say = (text) => {
    told.textContent = text;
  };

  // What keeps the page from being up to date; nothing when it is.
  const trouble = (text) => {
    let notice = document.getElementById("trouble");
    if (!notice) {
      if (!text) return;
      notice = document.createElement("p");
      notice.id = "trouble";
      notice.className = "failure";
      notice.setAttribute("role", "status");
      document.getElementById("main").prepend(notice);
    }
    notice.textContent = text;
    notice.hidden = !text;
  };

  // Ask why nothing comes: a server that was started again with another token does not know this browser.
  const explain = async (otherwise) => {
    const answer = await fetch("/runs", { method: "HEAD" }).catch(() => null);
    if (!answer) trouble("arazzo web does not answer: what is shown here may be out of date.");
    else if (answer.status === 401) trouble("arazzo web was started again: open the address that it has printed.");
    else if (otherwise) trouble(otherwise);
  };

  const shown = (element) => element.dispatchEvent(new CustomEvent("arazzo:shown", { bubbles: true }));

  // What is replaced keeps what had the focus, and where it was scrolled to.
  const replace = (region, html) => {
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const id = focused && focused.id;
    const scrolled = [...region.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
    region.innerHTML = html; // The server has escaped all that came from outside.
    [...region.querySelectorAll(".scroll")].forEach((one, index) => {
      if (scrolled[index]) [one.scrollLeft, one.scrollTop] = scrolled[index];
    });
    if (focused) {
      // A button that is gone leaves the focus to its neighbour.
      const next = (id && document.getElementById(id)) || region.querySelector("button") || document.getElementById("main");
      next.focus({ preventScroll: true });
    }
    shown(region);
  };

  // Attempts

  const load = async (details) => {
    const inside = details.querySelector(".inside");
    if (!details.dataset.load || !inside.hasAttribute("aria-busy")) return;
    inside.removeAttribute("aria-busy");
    try {
      const answer = await fetch(details.dataset.load);
      if (!answer.ok) throw new Error(String(answer.status));
      inside.innerHTML = await answer.text();
      shown(inside);
      const later = inside.querySelector("[data-later]");
      const why = later && (await fetch(later.dataset.later));
      if (why && why.ok) {
        later.innerHTML = await why.text();
        shown(later);
      }
    } catch {
      inside.innerHTML = '<p class="note">It could not be loaded. Close it and open it again.</p>';
      inside.setAttribute("aria-busy", "true");
    }
  };
  document.addEventListener("toggle", (event) => event.target.open && event.target.dataset && event.target.dataset.load && load(event.target), true);

  const prepend = (html) => {
    const height = document.documentElement.scrollHeight;
    list.insertAdjacentHTML("afterbegin", html);
    window.scrollBy(0, document.documentElement.scrollHeight - height);
  };

  const earlier = document.getElementById("earlier");
  const setFirst = (first) => {
    earlier.dataset.before = String(first);
    earlier.hidden = !first;
  };
  const showEarlier = async () => {
    const answer = await fetch(`${run}/before/${earlier.dataset.before}`);
    if (!answer.ok) return;
    const found = await answer.json();
    prepend(found.html);
    setFirst(found.first);
  };
  if (earlier) earlier.addEventListener("click", showEarlier);

  const open = async (number) => {
    let attempt = document.getElementById(`attempt-${number}`);
    if (!attempt) {
      // It is far from what is listed: the list then begins around it.
      const answer = await fetch(`${run}/around/${number}`);
      if (!answer.ok) return;
      const found = await answer.json();
      list.innerHTML = found.html;
      setFirst(found.first);
      list.dataset.apart = "yes";
      document.getElementById("latest").hidden = false;
      attempt = document.getElementById(`attempt-${number}`);
    }
    if (!attempt) return;
    for (const one of list.querySelectorAll(".looked-at")) one.classList.remove("looked-at");
    attempt.classList.add("looked-at");
    attempt.firstElementChild.open = true;
    attempt.querySelector("summary").focus({ preventScroll: true });
    attempt.scrollIntoView({ block: "start" });
    light(attempt);
  };

  // The step of the attempt that is looked at is lit in the picture.
  const light = (attempt) => {
    for (const box of document.querySelectorAll("#flow .box")) box.classList.toggle("looked-at", box.dataset.step === attempt.dataset.step);
    say(`attempt ${attempt.id.slice(8)}: ${attempt.dataset.step}`);
  };

  const here = () => Number((document.activeElement.closest(".attempt") || list.querySelector(".looked-at") || { id: "" }).id.slice(8)) || 0;
  const last = () => Number((([...list.querySelectorAll(".attempt")].at(-1) || { id: "" }).id || "").slice(8)) || 0;

  const go = (by) => {
    const at = here();
    const next = at ? at + by : last();
    if (next >= 1) open(next);
  };

  if (list) {
    addEventListener("hashchange", () => location.hash.startsWith("#attempt-") && open(Number(location.hash.slice(9))));
    if (location.hash.startsWith("#attempt-")) open(Number(location.hash.slice(9)));
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#attempt-"]');
    if (link && list && link.getAttribute("href") === location.hash) open(Number(location.hash.slice(9)));
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "back") go(-1);
    if (button.id === "forth") go(1);
    if (button.dataset.fill) {
      const field = document.getElementById(button.dataset.fill);
      field.value = button.textContent;
      field.focus();
    }
  });

  addEventListener("keydown", (event) => {
    if (!list || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    const by = { j: 1, k: -1 }[event.key];
    if (by) {
      go(by);
      event.preventDefault();
      return;
    }
    const timeline = event.target.closest(".timeline");
    const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!timeline || !along) return;
    const bars = [...timeline.querySelectorAll("a")].sort((a, b) => Number(a.getAttribute("href").slice(9)) - Number(b.getAttribute("href").slice(9)));
    const at = bars.indexOf(document.activeElement);
    if (bars.length) bars[at < 0 ? 0 : Math.min(Math.max(at + along, 0), bars.length - 1)].focus();
    event.preventDefault();
  });

  // Buttons that steer do so without leaving the page.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!("quiet" in form.dataset)) return;
    event.preventDefault();
    const answer = await fetch(form.action, { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" }, body: "" }).catch(() => null);
    if (answer && answer.ok) return;
    if (!answer || answer.status === 401) {
      await explain("That did not work: arazzo web did not answer.");
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const says = page.querySelector(".failure .says");
    say(says ? says.textContent : "That did not work.");
    if (says) document.querySelector("#standing .now").textContent = says.textContent;
  });

  // Time that passes

  const words = (seconds) => {
    const whole = Math.max(0, Math.ceil(seconds));
    if (whole < 60) return `${whole} s`;
    const minutes = Math.floor(whole / 60);
    return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  };
  const tick = () => {
    const now = Date.now() / 1000 + ahead;
    for (const one of document.querySelectorAll("[data-until]")) one.textContent = words(Number(one.dataset.until) - now);
    for (const one of document.querySelectorAll("[data-since]")) one.textContent = words(now - Number(one.dataset.since));
  };
  setInterval(tick, 250);

  // What the server sends

  const standing = () => [...document.querySelectorAll("#standing h1 .badge")].map((one) => one.textContent).join(", ");

  const update = (data) => {
    const before = standing();
    ahead = data.now - Date.now() / 1000;
    for (const [id, html] of Object.entries(data.regions)) {
      const region = document.getElementById(id);
      if (!region || region.dataset.html === html) continue;
      // A form that somebody fills in stays as it is.
      const typing = id === "decision" && region.contains(document.activeElement);
      if (!typing) replace(region, html);
    }
    tick();
    if (before && standing() !== before) {
      say(`The run is ${standing()}.`);
      document.title = document.title.replace(/: .*? ·/, `: ${standing()} ·`);
    }
    const more = data.entries;
    if (!more || !list) return;
    document.body.dataset.known = String(more.last);
    if (list.dataset.apart) {
      document.getElementById("latest").hidden = false;
      return;
    }
    if (more.anew) {
      list.innerHTML = more.html;
      setFirst(more.first);
    } else {
      list.insertAdjacentHTML("beforeend", more.html);
      // A list that grows for hours stays short: what leaves it can be shown again.
      const rows = list.querySelectorAll(".attempt");
      if (rows.length > 400 && !list.contains(document.activeElement) && !list.querySelector("details[open]")) {
        let gone = 0;
        while (list.children.length > 200) {
          list.firstElementChild.remove();
          gone += 1;
        }
        setFirst(Number(earlier.dataset.before) + gone);
      }
    }
    shown(list);
  };

  const live = document.body.dataset.live;
  if (live) {
    let source = null;
    let over = false;
    const connect = () => {
      if (source) source.close();
      source = new EventSource(live.endsWith("known=") ? live + document.body.dataset.known : live);
      source.onmessage = (event) => {
        trouble("");
        update(JSON.parse(event.data));
      };
      source.addEventListener("end", () => {
        over = true;
        source.close();
      });
      source.addEventListener("trouble", (event) => {
        source.close();
        trouble(JSON.parse(event.data).says);
        setTimeout(connectIfSeen, 2000);
      });
      source.onerror = () => {
        source.close();
        explain("");
        setTimeout(connectIfSeen, 2000);
      };
    };
    // A browser opens few connections to one server: only pages that are seen keep one.
    const connectIfSeen = () => {
      if (source) source.close();
      if (document.visibilityState === "visible" && !over) connect();
    };
    addEventListener("pageshow", connectIfSeen);
    addEventListener("pagehide", () => source && source.close());
    document.addEventListener("visibilitychange", connectIfSeen);
  }

  for (const id of ["first-request", "value"]) {
    const found = document.getElementById(id);
    if (found) found.scrollIntoView({ block: "nearest" });
  }
})();
