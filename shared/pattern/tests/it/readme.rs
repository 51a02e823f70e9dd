//! The README's table of operators, row by row.

use crate::check_list;

#[test]
fn its_table_is_true() {
    let rows: Vec<Vec<&str>> = include_str!("../../README.md")
        .lines()
        .filter(|line| line.starts_with("| `["))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    for row in &rows {
        let [list, takes, refuses, _] = row[..] else { panic!("a row of four cells: {row:?}") };
        check_list(list, takes, true);
        check_list(list, refuses, false);
    }
    let text = format!("{rows:?}");
    for operator in
        ["prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists"]
    {
        assert!(text.contains(operator), "{operator} has no row");
    }
}
