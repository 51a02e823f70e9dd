//! Columns of text, for a terminal or a pipe.

/// A table under construction.
pub(crate) struct Table {
    heads: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(heads: &[(&'static str, Align)]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, with the heads dimmed if `colour`.
    pub(crate) fn render(&self, colour: bool) -> String {
        let heads: Vec<String> = self.heads.iter().map(|(head, _)| (*head).to_owned()).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| {
                std::iter::once(&heads)
                    .chain(&self.rows)
                    .filter_map(|row| row.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let line = |cells: &[String]| {
            let mut text = String::new();
            for (index, cell) in cells.iter().enumerate() {
                let gap = " ".repeat(widths[index].saturating_sub(cell.chars().count()));
                if index > 0 {
                    text.push_str("  ");
                }
                match self.heads[index].1 {
                    Align::Left => text.extend([cell, gap.as_str()]),
                    Align::Right => text.extend([gap.as_str(), cell]),
                }
            }
            text.trim_end().to_owned()
        };
        let head = line(&heads);
        let head = if colour { format!("\x1b[2m{head}\x1b[0m") } else { head };
        std::iter::once(head).chain(self.rows.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligns() {
        let mut table =
            Table::new(&[("stage", Align::Left), ("done", Align::Right), ("reason", Align::Left)]);
        table.row(vec!["ä".into(), "12,345".into(), "x".into()]);
        table.row(vec!["renditions".into(), "6".into(), String::new()]);
        assert_eq!(
            table.render(false),
            "stage         done  reason\nä           12,345  x\nrenditions       6"
        );
        assert!(table.render(true).starts_with("\x1b[2mstage         done  reason\x1b[0m\n"));
    }
}
