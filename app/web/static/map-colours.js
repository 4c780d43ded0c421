// What the points of a map look like, and the entries of its key.

import { ACCEPTED, NO_CATEGORY, OPEN, OTHER, REJECTED, TRAINING } from "./map-data.js";
import { t } from "./words.js";

const LARGEST = 12; // categories with an entry of their own
const GREY = [140, 144, 138];
// Opacity, of 255. What is at least BEHIND can be pointed at.
const FULL = 255;
export const BEHIND = 130;
const DIM = 28;

const KINDS = [
  { kind: TRAINING, colour: [47, 133, 95], label: () => t("Training set") },
  { kind: ACCEPTED, colour: [45, 116, 218], label: () => t("Accepted") },
  { kind: REJECTED, colour: [205, 66, 80], label: () => t("Rejected") },
  { kind: OPEN, colour: [222, 152, 28], label: () => t("Open") },
  { kind: OTHER, colour: GREY, label: () => t("Not proposed") },
];

export const kindName = (kind) => KINDS[kind].label();

/** {entries: [{label, colour, count}], of: the entry of each point, colour(index): [r, g, b]}. */
export function keyOf(data, by) {
  const key = { category: byCategory, kind: byKind, round: byRound }[by](data);
  for (const entry of key.of) key.entries[entry].count += 1;
  return key;
}

function byKind(data) {
  const entries = KINDS.map(({ colour, label }) => ({ label: label(), colour, count: 0 }));
  return { entries, of: data.kind, colour: (index) => KINDS[data.kind[index]].colour };
}

function byRound(data) {
  const rounds = [...new Set(data.round)].sort((a, b) => a - b).filter((round) => round > 0);
  const entries = [
    { label: t("Seeds"), colour: [90, 98, 190], count: 0 },
    ...rounds.map((round, place) => ({ label: t("Round {number}", { number: round }), colour: ramp(place, rounds.length), count: 0 })),
    { label: t("Not proposed"), colour: GREY, count: 0 },
  ];
  const place = new Map(rounds.map((round, index) => [round, index + 1]));
  const last = entries.length - 1;
  const of = Uint16Array.from(data.round, (round, index) =>
    round > 0 ? place.get(round) : data.kind[index] === OTHER ? last : 0,
  );
  return { entries, of, colour: (index) => entries[of[index]].colour };
}

function byCategory(data) {
  const sizes = new Map();
  for (const category of data.category) sizes.set(category, (sizes.get(category) ?? 0) + 1);
  const largest = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a) || a - b).slice(0, LARGEST);
  const rest = sizes.size > largest.length;
  const entries = largest.map((category) => ({ label: nameOf(data, category), colour: hue(category), count: 0 }));
  if (rest) entries.push({ label: t("All other categories"), colour: GREY, count: 0 });
  const place = new Map(largest.map((category, index) => [category, index]));
  const of = Uint16Array.from(data.category, (category) => place.get(category) ?? largest.length);
  const colours = new Map([...sizes.keys()].map((category) => [category, hue(category)]));
  return { entries, of, colour: (index) => colours.get(data.category[index]) };
}

export const nameOf = (data, category) =>
  category === NO_CATEGORY ? t("Newer category") : (data.names.get(category) ?? t("Deleted category"));

/** Red, green, blue and opacity of each point, of which 0 hides it.

@param hidden the entries of the key that are switched off
@param spot the category to highlight, or null
@param chosen a Set of points that stand out, or null
*/
export function paintOf(data, key, { hidden, spot, chosen }) {
  const paint = new Uint8Array(4 * data.size);
  for (let index = 0; index < data.size; index += 1) {
    if (hidden.has(key.of[index])) continue;
    const dim = (spot !== null && data.category[index] !== spot) || (chosen !== null && !chosen.has(index));
    paint.set(dim ? GREY : key.colour(index), 4 * index);
    paint[4 * index + 3] = dim ? DIM : data.kind[index] === OTHER ? BEHIND : FULL;
  }
  return paint;
}

/** A colour of its own for each category: the golden angle keeps neighbouring indices far apart. */
function hue(category) {
  if (category === NO_CATEGORY) return GREY;
  return fromHsl((category * 137.508) % 360, 0.62, [0.46, 0.58, 0.37][category % 3]);
}

/** From violet over green to gold, as rounds go on. */
function ramp(place, many) {
  const at = many > 1 ? place / (many - 1) : 0.5;
  return fromHsl(175 - 135 * at, 0.62, 0.4 + 0.12 * at);
}

function fromHsl(degrees, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((shift) => {
    const turn = (shift + degrees / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(turn - 3, 9 - turn, 1))));
  });
}
