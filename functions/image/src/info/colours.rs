//! The main colours of a picture: means of clusters (Lloyd's k-means, begun with the most frequent colours that lie
//! far from each other), in whole numbers and without chance.

use serde::Serialize;

use super::thumbnail;
use crate::pixels::Pixels;

/// One of the main colours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DominantColour {
    /// As `#rrggbb`.
    pub colour: String,
    /// How much of the picture is nearest to it, in percent. What is transparent is not counted.
    pub share: u8,
}

const MOST: usize = 5;
const ROUNDS: usize = 12;
/// The square of the distance below which two colours are one, as [`distance`] has it.
const NEAR: i64 = 3 * 40 * 40;

/// Pixels of nearly one colour.
#[derive(Clone, Copy, Default)]
struct Bin {
    count: i64,
    sum: [i64; 3],
}

impl Bin {
    fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (sum, more) in self.sum.iter_mut().zip(other.sum) {
            *sum += more;
        }
    }

    fn mean(&self) -> [i64; 3] {
        self.sum.map(|sum| (sum + self.count / 2) / self.count.max(1))
    }
}

/// Of two colours, squared; green counts most, as for the eye.
fn distance(a: [i64; 3], b: [i64; 3]) -> i64 {
    let weighed = [2, 4, 3].into_iter().zip(a.into_iter().zip(b));
    weighed.map(|(weight, (a, b))| weight * (a - b) * (a - b)).sum()
}

/// The centre that a colour is nearest to: the first of those that are equally near.
fn nearest(centres: &[[i64; 3]], colour: [i64; 3]) -> (usize, i64) {
    let distances = centres.iter().map(|centre| distance(*centre, colour));
    distances.enumerate().min_by_key(|(index, distance)| (*distance, *index)).unwrap_or_default()
}

/// Up to five main colours, the largest share first; none if all of the picture is transparent.
pub fn dominant_colours(pixels: &Pixels) -> Vec<DominantColour> {
    let bins = bins(thumbnail(pixels).data.as_chunks::<4>().0);
    let all: i64 = bins.iter().map(|bin| bin.count).sum();
    let mut centres: Vec<[i64; 3]> = Vec::new();
    while centres.len() < MOST {
        // Frequent, and far from what there is.
        let weight = |bin: &Bin| match nearest(&centres, bin.mean()) {
            _ if centres.is_empty() => bin.count,
            (_, distance) if distance < NEAR => 0,
            (_, distance) => bin.count * distance,
        };
        let best = bins.iter().rev().max_by_key(|bin| weight(bin)).filter(|bin| weight(bin) > 0);
        let Some(best) = best else { break };
        centres.push(best.mean());
    }
    let mut clusters = Vec::new();
    for _ in 0..ROUNDS {
        clusters = gathered(&bins, &centres);
        let moved: Vec<_> = clusters.iter().map(Bin::mean).collect();
        if moved == centres {
            break;
        }
        centres = moved;
    }
    // What has come close meanwhile is one colour.
    let mut apart: Vec<Bin> = Vec::new();
    clusters.sort_by_key(|cluster| (-cluster.count, cluster.mean()));
    for cluster in clusters {
        match apart.iter_mut().find(|other| distance(other.mean(), cluster.mean()) < NEAR) {
            Some(other) => other.add(&cluster),
            None => apart.push(cluster),
        }
    }
    apart.sort_by_key(|cluster| (-cluster.count, cluster.mean()));
    let described = apart.iter().map(|cluster| {
        let [r, g, b] = cluster.mean();
        let share = (cluster.count * 100 + all / 2) / all.max(1);
        DominantColour { colour: format!("#{r:02x}{g:02x}{b:02x}"), share: share as u8 }
    });
    described.filter(|colour| colour.share > 0).collect()
}

/// The pixels that can be seen, those that share the upper five bits of each sample together.
fn bins(pixels: &[[u8; 4]]) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); 1 << 15];
    for [r, g, b, _] in pixels.iter().filter(|pixel| pixel[3] >= 128) {
        let index = usize::from(r >> 3) << 10 | usize::from(g >> 3) << 5 | usize::from(b >> 3);
        bins[index].add(&Bin { count: 1, sum: [*r, *g, *b].map(i64::from) });
    }
    bins.retain(|bin| bin.count > 0);
    bins
}

/// Each centre's bins, summed; centres that have none are gone.
fn gathered(bins: &[Bin], centres: &[[i64; 3]]) -> Vec<Bin> {
    let mut clusters = vec![Bin::default(); centres.len()];
    for bin in bins {
        clusters[nearest(centres, bin.mean()).0].add(bin);
    }
    clusters.retain(|cluster| cluster.count > 0);
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finish::samples::{every_form, flat, of};

    fn check(pixels: &Pixels, expected: &[(&str, u8)]) {
        let colours = dominant_colours(pixels);
        let colours: Vec<_> = colours.iter().map(|colour| (colour.colour.as_str(), colour.share)).collect();
        assert_eq!(colours, expected);
    }

    #[test]
    fn the_largest_share_comes_first() {
        let quarters = |x: usize, y: usize| match (x < 10, y < 4) {
            (true, _) => [255, 255, 255, 255],
            (false, true) => [200, 0, 0, 255],
            (false, false) => [0, 0, 120, 255],
        };
        let picture = of(20, 10, quarters).swap_remove(3);
        check(&picture, &[("#ffffff", 50), ("#000078", 30), ("#c80000", 20)]);
    }

    #[test]
    fn nearly_one_colour_is_one() {
        let picture = of(40, 40, |x, y| [(100 + x % 9) as u8, (50 + y % 7) as u8, 30, 255]).swap_remove(3);
        let colours = dominant_colours(&picture);
        assert_eq!((colours.len(), colours[0].share), (1, 100));
    }

    #[test]
    fn what_is_transparent_is_not_counted() {
        let half = |x: usize, _: usize| if x < 5 { [9, 8, 7, 255] } else { [250, 0, 250, 0] };
        let Some(picture) = of(10, 10, half).pop() else { unreachable!() };
        check(&picture, &[("#090807", 100)]);
        check(&flat(3, 3, [1, 2, 3, 0]).swap_remove(4), &[]);
        check(&flat(1, 1, [1, 2, 3, 255]).swap_remove(4), &[("#010203", 100)]);
    }

    #[test]
    fn every_form_has_at_most_five() {
        for picture in every_form(130, 77) {
            let colours = dominant_colours(&picture);
            assert!(!colours.is_empty() && colours.len() <= MOST);
            assert!(colours.windows(2).all(|pair| pair[0].share >= pair[1].share));
            assert!(colours.iter().map(|colour| u32::from(colour.share)).sum::<u32>() <= 103);
            assert_eq!(colours, dominant_colours(&picture));
        }
    }
}
