//! The only place that writes to standard output and standard error.
//!
//! Text that came by mail cannot steer the terminal, and a reader that stops
//! reading (`| head`) ends the command in peace.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

/// A line or a block for people.
pub fn text(text: &str) {
    line(&printable(text));
}

/// One object on one line, for scripts.
pub fn json<T: Serialize>(value: &T) {
    // A value that cannot be JSON would be a defect of ours; it then shows as null.
    line(&serde_json::to_string(value).unwrap_or_else(|_| "null".into()));
}

/// Something that is wrong, beside the output.
#[expect(clippy::print_stderr, reason = "commands speak to people here")]
pub fn error(what: &impl Display) {
    eprintln!("barometer: {}", printable(&what.to_string()));
}

/// A remark beside the output.
pub fn note(what: &str) {
    error(&what);
}

/// A table with aligned columns; the first row is its head.
pub fn table(rows: &[Vec<String>]) {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|r| r.get(n)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width));
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Longest cell of a table, in characters.
const CELL: usize = 60;

fn one_line(cell: &str) -> String {
    let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    let cell = printable(&cell);
    if cell.chars().count() <= CELL { cell } else { cell.chars().take(CELL - 1).chain(['…']).collect() }
}

/// Control characters, and those that turn the reading direction, made visible.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

fn line(text: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
        let code = i32::from(error.kind() != ErrorKind::BrokenPipe);
        #[expect(clippy::exit, reason = "nobody reads on; there is nothing left to do")]
        std::process::exit(code);
    }
}
