//! Where the boxes of a graph stand.
