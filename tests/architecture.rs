//! The shape of the program, checked: the order of the stages, no I/O and no clock
//! in them, SQL in one place, twin migrations.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Stages in the order of the pipe. Each may use those before it, and the settings.
const STAGES: [&str; 7] = ["intake", "read", "filing", "judge", "command", "watch", "notify"];
/// What every stage may use: settings and working time, both without a clock.
const SHARED: [&str; 2] = ["config", "calendar"];
/// What would be input, output, a clock or chance.
const IMPURE: [&str; 14] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "tokio::",
    "sqlx::",
    "tracing::",
    "println!",
    "rand::",
];
const CLOCKS: [&str; 4] = ["Timestamp::now(", "Zoned::now(", "SystemTime::now(", "Instant::now("];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Code without comments and without the tests at its end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or("");
    product.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn stage_files(stage: &str) -> Vec<PathBuf> {
    let single = root().join(format!("src/{stage}.rs"));
    let folder = root().join(format!("src/{stage}"));
    let mut files = if folder.is_dir() { rust_files(&folder) } else { Vec::new() };
    files.extend(single.is_file().then_some(single));
    assert!(!files.is_empty(), "stage {stage} has no file");
    files
}

/// Modules of this crate that the code names.
fn imports(code: &str) -> BTreeSet<String> {
    let names = code
        .split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
    names.collect()
}

#[test]
fn no_stage_imports_a_later_one() {
    for (n, stage) in STAGES.iter().enumerate() {
        let allowed: BTreeSet<&str> = STAGES[..=n].iter().chain(&SHARED).copied().collect();
        for file in stage_files(stage) {
            for import in imports(&code(&file)) {
                assert!(allowed.contains(import.as_str()), "{}: {stage} must not use {import}", file.display());
            }
        }
    }
}

#[test]
fn settings_and_calendars_come_before_every_stage() {
    for shared in SHARED {
        for file in stage_files(shared) {
            for import in imports(&code(&file)) {
                assert!(SHARED.contains(&import.as_str()), "{}: {shared} must not use {import}", file.display());
            }
        }
    }
}

#[test]
fn stages_are_pure() {
    for file in STAGES.iter().flat_map(|s| stage_files(s)).chain(stage_files("calendar")) {
        let code = code(&file);
        for word in IMPURE {
            assert!(!code.contains(word), "{}: a stage must not use {word}", file.display());
        }
    }
}

#[test]
fn the_clock_is_read_in_main_and_daemon_alone() {
    for file in rust_files(&root().join("src")) {
        if file.ends_with("src/main.rs") || file.ends_with("src/daemon.rs") {
            continue;
        }
        let code = code(&file);
        for clock in CLOCKS {
            assert!(!code.contains(clock), "{}: takes `now` as a parameter instead of {clock})", file.display());
        }
    }
}

#[test]
fn sql_lives_in_the_store_alone() {
    for file in rust_files(&root().join("src")) {
        let inside = file.strip_prefix(root().join("src")).unwrap().starts_with("store");
        let code = code(&file);
        assert!(inside || !code.contains("sqlx::"), "{}: sqlx belongs into store/", file.display());
    }
}

#[test]
fn only_the_command_line_prints_and_uses_anyhow() {
    for file in rust_files(&root().join("src")) {
        let below = file.strip_prefix(root().join("src")).unwrap().to_owned();
        if below.starts_with("cli") || below == Path::new("main.rs") {
            continue;
        }
        let code = code(&file);
        for word in ["anyhow", "println!", "print!"] {
            assert!(!code.contains(word), "{}: {word} belongs into main.rs and cli/", file.display());
        }
    }
}

#[test]
fn migrations_are_twins() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = root().join("migrations").join(engine);
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres, "the two migration folders differ");
    let mut tables = 0;
    for name in &sqlite {
        let columns =
            |engine: &str| columns(&fs::read_to_string(root().join("migrations").join(engine).join(name)).unwrap());
        assert_eq!(columns("sqlite"), columns("postgres"), "{name}: tables or columns differ");
        tables += columns("sqlite").len();
    }
    assert!(tables > 0, "no table was found");
}

/// `table.column` of every CREATE TABLE, whatever the types.
fn columns(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut table = String::new();
    for line in sql.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            rest.split(['(', ' ']).next().unwrap_or("").clone_into(&mut table);
        } else if line.starts_with(')') {
            table.clear();
        } else if !table.is_empty() {
            let word = line.split_whitespace().next().unwrap_or("");
            if word.chars().next().is_some_and(char::is_lowercase) {
                found.push(format!("{table}.{}", word.trim_end_matches(',')));
            }
        }
    }
    found
}
