//! The brief as agreed: its text and page, from the sample.
//! `BLESS=1 cargo test --test briefs` writes them anew.

use std::fs;
use std::path::Path;

use barometer::notify::{Templates, brief};
use jiff::tz::TimeZone;

#[test]
fn the_brief_reads_as_agreed() {
    let zone = TimeZone::get("Europe/London").unwrap();
    let rendered = brief::render(&brief::sample(), &Templates::shipped().unwrap(), &zone).unwrap();
    assert_eq!(rendered.fault, None);
    for (name, found) in [("brief.txt", rendered.text), ("brief.html", rendered.html)] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/briefs").join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&file).unwrap_or_default(), "{name}");
    }
}
