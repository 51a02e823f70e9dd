// The job of functions/image/examples/batch.rs, by sharp: 2048 JPEG, 1024 JPEG, 320 WebP, all quality 80.
// node job.js usual|cascade OUT FILE...
//   usual    one pipeline, cloned for each rendition, as sharp's documentation shows
//   cascade  decode to 2048 pixels once, then each rendition from the one before: the fastest recipe known
const path = require("path");
const sharp = require("sharp");

sharp.concurrency(1);
sharp.cache(false);

const [recipe, out, ...files] = process.argv.slice(2);
const inside = (width) => ({ width, withoutEnlargement: true });
// Transparency becomes white in a JPEG, as it does on the other side.
const jpeg = (photo) => photo.flatten({ background: "white" }).jpeg({ quality: 80 });

async function usual(file, base) {
  const photo = sharp(file).rotate();
  await Promise.all([
    jpeg(photo.clone().resize(inside(2048))).toFile(`${base}-large.jpg`),
    jpeg(photo.clone().resize(inside(1024))).toFile(`${base}-medium.jpg`),
    photo.clone().resize(inside(320)).webp({ quality: 80 }).toFile(`${base}-small.webp`),
  ]);
}

async function cascade(file, base) {
  const raw = (photo) => photo.raw().toBuffer({ resolveWithObject: true });
  const again = ({ data, info: { width, height, channels } }) => sharp(data, { raw: { width, height, channels } });
  const large = await raw(sharp(file).rotate().resize(inside(2048)));
  await jpeg(again(large)).toFile(`${base}-large.jpg`);
  const medium = await raw(again(large).resize(inside(1024)));
  await jpeg(again(medium)).toFile(`${base}-medium.jpg`);
  await again(medium).resize(inside(320)).webp({ quality: 80 }).toFile(`${base}-small.webp`);
}

(async () => {
  for (const file of files) {
    const base = path.join(out, path.parse(file).name);
    await (recipe === "cascade" ? cascade : usual)(file, base);
  }
})();
