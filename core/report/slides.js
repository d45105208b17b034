"use strict";
// Turns slides by keys and buttons. Scrolling works, too; the number of the slide follows it.
const slides = [...document.querySelectorAll("section")];
const place = document.getElementById("place");
let at = 0;

function show(number) {
  at = number;
  place.textContent = `${at + 1} / ${slides.length}`;
}

function go(number) {
  show(Math.max(0, Math.min(slides.length - 1, number)));
  slides[at].scrollIntoView();
}

function fill() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}

const keys = {
  ArrowRight: () => go(at + 1),
  ArrowDown: () => go(at + 1),
  PageDown: () => go(at + 1),
  ArrowLeft: () => go(at - 1),
  ArrowUp: () => go(at - 1),
  PageUp: () => go(at - 1),
  Home: () => go(0),
  End: () => go(slides.length - 1),
  f: fill,
  F: fill,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isSpace = event.key === " " && event.target.tagName !== "BUTTON";
  const act = isSpace ? () => go(at + (event.shiftKey ? -1 : 1)) : keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
document.getElementById("back").addEventListener("click", () => go(at - 1));
document.getElementById("on").addEventListener("click", () => go(at + 1));
const full = document.getElementById("full");
full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", fill);
// After a size changed, the same slide is shown.
window.addEventListener("resize", () => slides[at].scrollIntoView({ behavior: "instant" }));
document.addEventListener("scrollend", () => {
  const tops = slides.map((slide) => Math.abs(slide.getBoundingClientRect().top));
  show(tops.indexOf(Math.min(...tops)));
});
