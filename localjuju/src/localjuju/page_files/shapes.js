"use strict";
// Makes elements, and the shapes of marks. Text from a charm stays text and never becomes markup.

const SVG = "http://www.w3.org/2000/svg";

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// For each kind of event: a pattern, the path of its mark around 0, 0, its name in the legend, and
// whether the mark is hollow.
const MARKS = [
  [/^command$/, "M-6,-5 H6 L0,6 Z", "command", false],
  [/^fault$/, "M1,-7 L-4,1 H-1 L-2,7 L4,-1 H1 Z", "fault", false],
  [/^relation-created$/, "M0,-6 L6,0 L0,6 L-6,0 Z", "relation created", true],
  [/^relation-joined$/, "M-4,-6 L6,0 L-4,6 Z", "joined", false],
  [/^relation-changed$/, "M-5,-5 H5 V5 H-5 Z", "changed", false],
  [/^relation-departed$/, "M4,-6 L-6,0 L4,6 Z", "departed", true],
  [/^relation-broken$/, "M-5,-5 L5,5 M5,-5 L-5,5", "broken", true],
  [
    /^leader/,
    "M0,-7 L1.8,-2.3 L6.7,-2.2 L2.8,0.9 L4.1,5.7 L0,2.9 L-4.1,5.7 L-2.8,0.9 L-6.7,-2.2 L-1.8,-2.3 Z",
    "leadership",
    false,
  ],
  [/^secret/, "M-3,-6 H3 L6,0 L3,6 H-3 L-6,0 Z", "secret", false],
  [/^(action|exec)$/, "M0,-6 L6,5 H-6 Z", "action", false],
  [/^storage/, "M-6,-3 H6 V3 H-6 Z", "storage", true],
  [/^(stop|remove)$/, "M-5,-5 H5 V5 H-5 Z", "stop, remove", true],
  [/./, "M-5,0 A5,5 0 1 1 5,0 A5,5 0 1 1 -5,0 Z", "other", true],
];

function shapeOf(kind) {
  const [, path, , hollow] = MARKS.find(([pattern]) => pattern.test(kind));
  return drawn("path", { d: path, class: hollow ? "hollow" : "full" });
}

function drawLegend(place, kinds, compares) {
  for (const [pattern, , words] of MARKS) {
    const kind = kinds.find((one) => MARKS.find(([other]) => other.test(one))[0] === pattern);
    if (!kind) continue;
    const mark = drawn("g", { class: `mark ${kind}`, transform: "translate(8,8)" }, shapeOf(kind));
    place.append(
      element(
        "span",
        {},
        drawn("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, mark),
        words,
      ),
    );
  }
  if (compares) place.append("A dashed ring means that this hook ran in only one of the two runs.");
}
