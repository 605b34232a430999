"use strict";
// Enlarges a filter: all its pictures, for the trace and for each screen; the wheel, + and − zoom.
(() => {
  const cards = [...document.querySelectorAll("button.card")];
  const dialog = document.querySelector("dialog");
  const canvas = dialog.querySelector(".canvas");
  const sheet = dialog.querySelector(".sheet");
  const names = JSON.parse(dialog.dataset.screens);
  const MOST_ZOOM = 12;
  let shown = 0;
  let zoom = 1;

  const setZoom = (wanted, x, y) => {
    const before = zoom;
    zoom = Math.min(Math.max(wanted, 1), MOST_ZOOM);
    sheet.style.setProperty("--zoom", zoom);
    // The point below the pointer stays there.
    canvas.scrollLeft = ((canvas.scrollLeft + x) * zoom) / before - x;
    canvas.scrollTop = ((canvas.scrollTop + y) * zoom) / before - y;
  };
  const zoomBy = (factor) => setZoom(zoom * factor, canvas.clientWidth / 2, canvas.clientHeight / 2);

  const show = (index) => {
    shown = (index + cards.length) % cards.length;
    const card = cards[shown];
    dialog.querySelector("h2").textContent = card.dataset.title;
    dialog.querySelector(".bar p").textContent = card.dataset.facts;
    sheet.style.setProperty("--columns", names.length);
    sheet.replaceChildren();
    for (const view of card.querySelectorAll(".view")) {
      names.forEach((name, screen) => {
        const copy = view.cloneNode(true);
        copy.style.setProperty("--screen", screen);
        copy.querySelector("img").alt += `: ${name}`;
        copy.querySelector(".caption").textContent += `, ${name}`;
        sheet.append(copy);
      });
    }
    setZoom(1, 0, 0);
  };

  cards.forEach((card, index) => card.addEventListener("click", () => {
    show(index);
    dialog.showModal();
    canvas.focus();
  }));
  const actions = {
    previous: () => show(shown - 1),
    next: () => show(shown + 1),
    in: () => zoomBy(1.5),
    out: () => zoomBy(1 / 1.5),
    close: () => dialog.close(),
  };
  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do]();
    else if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => cards[shown].focus());
  dialog.addEventListener("keydown", (event) => {
    const keys = { "+": "in", "=": "in", "-": "out", ArrowLeft: "previous", ArrowRight: "next" };
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow") && zoom > 1) return; // they scroll
    event.preventDefault();
    actions[action]();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const place = canvas.getBoundingClientRect();
    setZoom(zoom * Math.exp(-event.deltaY / 400), event.clientX - place.left, event.clientY - place.top);
  }, { passive: false });

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse") return; // fingers scroll by themselves
    held = { x: event.clientX + canvas.scrollLeft, y: event.clientY + canvas.scrollTop };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    canvas.scrollLeft = held.x - event.clientX;
    canvas.scrollTop = held.y - event.clientY;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
})();
