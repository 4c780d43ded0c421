// Answers of the server name their images by hash and carry each once: here the images are put in.

/** The proposals of an answer with their images; its categories, with theirs, are put into the map. */
export function withImages({ images, proposals, categories }, known) {
  const all = (hashes) => hashes.map((hash) => images[hash]).filter(Boolean);
  for (const category of categories) {
    known.set(category.id, { ...category, exemplars: all(category.exemplars) });
  }
  return proposals.map(({ image, contrast, ...proposal }) => ({
    ...proposal,
    image: images[image],
    contrast: {
      exemplars: all(contrast.exemplars),
      confusable: contrast.confusable && {
        ...contrast.confusable,
        exemplars: all(contrast.confusable.exemplars),
      },
      rejected: all(contrast.rejected),
    },
  }));
}
