//! Where the boxes of a graph stand: columns from left to right, few crossings, neighbours at one height.
//!
//! The layered method of Sugiyama, Tagawa and Toda (1981) in its simplest form: an edge that passes columns gets a
//! waypoint in each; columns are ordered by the mean of their neighbours' places; heights are the least-squares fit
//! to the neighbours that keeps that order (pooling of adjacent violators).

/// A box to place.
pub(crate) struct Box {
    pub(crate) column: usize,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// An edge to draw, from box to box; it leads to a later column.
#[derive(Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Where everything stands.
pub(crate) struct Layout {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// The left and right end of each column.
    pub(crate) columns: Vec<(f64, f64)>,
    /// The middle height of each box.
    pub(crate) middles: Vec<f64>,
    /// The columns and heights at which each edge passes.
    pub(crate) ways: Vec<Vec<(usize, f64)>>,
}

/// Between columns: room for a curve.
const GAP_X: f64 = 84.0;
/// Between boxes of a column.
const GAP_Y: f64 = 22.0;
/// What an edge that passes takes.
const WAYPOINT: f64 = 10.0;
/// More waypoints are not worth their room: then long edges go straight through.
const MOST_WAYPOINTS: usize = 4_000;
const SWEEPS: usize = 12;
const HEIGHT_SWEEPS: usize = 48;

/// A place in a column: a box or a waypoint.
struct Spot {
    column: usize,
    height: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

pub(crate) fn layout(boxes: &[Box], edges: &[Edge]) -> Layout {
    let count = boxes.iter().map(|one| one.column + 1).max().unwrap_or(0);
    let mut spots: Vec<Spot> = boxes
        .iter()
        .map(|one| Spot { column: one.column, height: one.height, before: Vec::new(), after: Vec::new() })
        .collect();

    let span = |edge: &Edge| boxes[edge.to].column.saturating_sub(boxes[edge.from].column + 1);
    let with_waypoints = edges.iter().map(span).sum::<usize>() <= MOST_WAYPOINTS;
    let mut ways: Vec<Vec<usize>> = Vec::with_capacity(edges.len());
    for edge in edges {
        let mut way = Vec::new();
        let mut last = edge.from;
        if with_waypoints {
            for column in boxes[edge.from].column + 1..boxes[edge.to].column {
                let spot = spots.len();
                spots.push(Spot { column, height: WAYPOINT, before: vec![last], after: Vec::new() });
                spots[last].after.push(spot);
                way.push(spot);
                last = spot;
            }
        }
        spots[last].after.push(edge.to);
        spots[edge.to].before.push(last);
        ways.push(way);
    }

    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, spot) in spots.iter().enumerate() {
        columns[spot.column].push(at);
    }
    order(&spots, &mut columns);
    let middles = heights(&spots, &columns);

    let mut x = 0.0;
    let ends: Vec<(f64, f64)> = (0..count)
        .map(|column| {
            let width =
                boxes.iter().filter(|one| one.column == column).map(|one| one.width).fold(0.0, f64::max);
            let ends = (x, x + width);
            x += width + GAP_X;
            ends
        })
        .collect();
    let top = spots
        .iter()
        .zip(&middles)
        .map(|(spot, middle)| middle - spot.height / 2.0)
        .fold(f64::INFINITY, f64::min);
    let top = if top.is_finite() { top } else { 0.0 };
    let bottom =
        spots.iter().zip(&middles).map(|(spot, middle)| middle + spot.height / 2.0).fold(top, f64::max);
    Layout {
        width: (x - GAP_X).max(0.0),
        height: bottom - top,
        columns: ends,
        middles: middles[..boxes.len()].iter().map(|middle| middle - top).collect(),
        ways: ways
            .into_iter()
            .map(|way| way.into_iter().map(|spot| (spots[spot].column, middles[spot] - top)).collect())
            .collect(),
    }
}

/// Orders each column by where its neighbours stand, to and fro, and keeps the order with the fewest crossings.
fn order(spots: &[Spot], columns: &mut Vec<Vec<usize>>) {
    let mut places = vec![0usize; spots.len()];
    let settle = |places: &mut Vec<usize>, column: &[usize]| {
        for (place, spot) in column.iter().enumerate() {
            places[*spot] = place;
        }
    };
    for column in columns.iter() {
        settle(&mut places, column);
    }
    let mut best = (crossings(spots, columns, &places), columns.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let indices: Vec<usize> =
            if forward { (0..columns.len()).collect() } else { (0..columns.len()).rev().collect() };
        for index in indices {
            let mean = |spot: &usize| {
                let near = if forward { &spots[*spot].before } else { &spots[*spot].after };
                if near.is_empty() {
                    places[*spot] as f64
                } else {
                    near.iter().map(|near| places[*near] as f64).sum::<f64>() / near.len() as f64
                }
            };
            let mut keyed: Vec<(f64, usize)> =
                columns[index].iter().map(|spot| (mean(spot), *spot)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            columns[index] = keyed.into_iter().map(|(_, spot)| spot).collect();
            settle(&mut places, &columns[index]);
        }
        let now = crossings(spots, columns, &places);
        if now < best.0 {
            best = (now, columns.clone());
        }
    }
    *columns = best.1;
}

/// How many pairs of edges between neighbouring columns cross.
fn crossings(spots: &[Spot], columns: &[Vec<usize>], places: &[usize]) -> usize {
    let mut sum = 0;
    for column in columns {
        let mut edges: Vec<(usize, usize)> = column
            .iter()
            .flat_map(|spot| spots[*spot].after.iter().map(|after| (places[*spot], places[*after])))
            .collect();
        edges.sort_unstable();
        // Inversions by insertion into a sorted list: the number of edges is small.
        let mut ends: Vec<usize> = Vec::with_capacity(edges.len());
        for (_, end) in edges {
            let at = ends.partition_point(|known| *known <= end);
            sum += ends.len() - at;
            ends.insert(at, end);
        }
    }
    sum
}

/// The middle height of each spot.
fn heights(spots: &[Spot], columns: &[Vec<usize>]) -> Vec<f64> {
    let mut middles = vec![0.0; spots.len()];
    for column in columns {
        let mut y = 0.0;
        for spot in column {
            middles[*spot] = y + spots[*spot].height / 2.0;
            y += spots[*spot].height + GAP_Y;
        }
        // All columns around one line to begin with.
        for spot in column {
            middles[*spot] -= y / 2.0;
        }
    }
    for sweep in 0..HEIGHT_SWEEPS {
        let forward = sweep % 2 == 0;
        let indices: Vec<usize> =
            if forward { (0..columns.len()).collect() } else { (0..columns.len()).rev().collect() };
        for index in indices {
            let wanted: Vec<f64> = columns[index]
                .iter()
                .map(|spot| {
                    let Spot { before, after, .. } = &spots[*spot];
                    // The last sweeps look both ways.
                    let near: Vec<f64> = match (forward, sweep + 8 >= HEIGHT_SWEEPS) {
                        (_, true) => before.iter().chain(after).map(|near| middles[*near]).collect(),
                        (true, _) => before.iter().map(|near| middles[*near]).collect(),
                        (false, _) => after.iter().map(|near| middles[*near]).collect(),
                    };
                    if near.is_empty() {
                        middles[*spot]
                    } else {
                        near.iter().sum::<f64>() / near.len() as f64
                    }
                })
                .collect();
            for (spot, middle) in columns[index].iter().zip(spread(spots, &columns[index], &wanted)) {
                middles[*spot] = middle;
            }
        }
    }
    middles
}

/// The heights nearest to the wanted ones that keep the order and the gaps.
fn spread(spots: &[Spot], column: &[usize], wanted: &[f64]) -> Vec<f64> {
    // With the room above each taken off, heights only must not fall: pool what would.
    let mut room = 0.0;
    let mut offsets = Vec::with_capacity(column.len());
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (at, (spot, wanted)) in column.iter().zip(wanted).enumerate() {
        if at > 0 {
            room += f64::midpoint(spots[column[at - 1]].height, spots[*spot].height) + GAP_Y;
        }
        offsets.push(room);
        let mut pool = (wanted - room, 1usize);
        while let Some((mean, size)) = pools.pop_if(|(mean, _)| *mean > pool.0) {
            let total = size + pool.1;
            pool = ((mean * size as f64 + pool.0 * pool.1 as f64) / total as f64, total);
        }
        pools.push(pool);
    }
    let level = pools.into_iter().flat_map(|(mean, size)| std::iter::repeat_n(mean, size));
    level.zip(offsets).map(|(level, offset)| level + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(column: usize) -> Box {
        Box { column, width: 100.0, height: 40.0 }
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let layout = layout(&[one(0), one(1), one(2)], &[Edge { from: 0, to: 1 }, Edge { from: 1, to: 2 }]);
        assert!(layout.middles.iter().all(|middle| (middle - 20.0).abs() < 0.01), "{:?}", layout.middles);
        assert_eq!(layout.columns, [(0.0, 100.0), (184.0, 284.0), (368.0, 468.0)]);
    }

    #[test]
    fn crossings_are_undone() {
        let edges = [Edge { from: 0, to: 3 }, Edge { from: 1, to: 2 }];
        let layout = layout(&[one(0), one(0), one(1), one(1)], &edges);
        assert!((layout.middles[0] - layout.middles[3]).abs() < 0.01);
        assert!((layout.middles[1] - layout.middles[2]).abs() < 0.01);
    }

    #[test]
    fn nothing_at_all() {
        let layout = layout(&[], &[]);
        assert!(layout.width >= 0.0 && layout.height >= 0.0);
    }

    proptest! {
        #[test]
        fn boxes_never_touch(
            columns in prop::collection::vec(0usize..5, 1..20),
            edges in prop::collection::vec((0usize..20, 0usize..20), 0..40),
        ) {
            let boxes: Vec<Box> = columns.iter().map(|column| one(*column)).collect();
            let edges: Vec<Edge> = edges
                .into_iter()
                .filter(|(a, b)| *a < boxes.len() && *b < boxes.len() && columns[*a] < columns[*b])
                .map(|(from, to)| Edge { from, to })
                .collect();
            let layout = layout(&boxes, &edges);
            for (a, middle) in layout.middles.iter().enumerate() {
                prop_assert!(*middle >= 19.99 && *middle <= layout.height - 19.99);
                for (b, other) in layout.middles.iter().enumerate().skip(a + 1) {
                    prop_assert!(columns[a] != columns[b] || (middle - other).abs() >= 40.0 + GAP_Y - 0.01);
                }
            }
            for (edge, way) in edges.iter().zip(&layout.ways) {
                let expected: Vec<usize> = (columns[edge.from] + 1..columns[edge.to]).collect();
                prop_assert_eq!(way.iter().map(|(column, _)| *column).collect::<Vec<_>>(), expected);
            }
        }
    }
}
