//! The only place that writes to standard output and standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to people and pipes here")]

use std::fmt::Display;

use serde::Serialize;

/// A line or a block for people.
pub fn text(text: &str) {
    println!("{text}");
}

/// One object on one line, for scripts.
pub fn json<T: Serialize>(value: &T) {
    // A value that cannot be JSON would be a defect of ours; it then shows as null.
    println!("{}", serde_json::to_string(value).unwrap_or_else(|_| "null".into()));
}

/// Something that is wrong, beside the output.
pub fn error(what: &impl Display) {
    eprintln!("barometer: {what}");
}

/// A table with aligned columns; the first row is its head.
pub fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|r| r.get(n)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
