//! How fast mail on disk becomes history in a store, and in how much memory.
//!
//! `cargo bench --bench import -- FOLDER [COUNT]` takes the messages below FOLDER,
//! repeats them up to COUNT (20,000), each time as a message of its own (another
//! Message-ID, another subject), imports them into a new `SQLite` store on disk, and
//! prints messages a second and the peak of memory. Without a folder it takes the
//! labelled mail of the tests.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench reads the clock and prints")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use barometer::config;
use barometer::edge::files;
use barometer::judge::{Judge, Rules, shipped};
use barometer::notify::Templates;
use barometer::pipeline::Pipeline;
use barometer::store::Store;
use barometer::store::raw::NewCopy;
use jiff::Timestamp;

const SETTINGS: &str = "[service]\naddress = \"inbox@barometer.example\"\ndomains = [\"barometer.example\"]\ntime_zone = \"Europe/London\"\n";
const BATCH: usize = 500;

fn main() -> Result<()> {
    // `cargo test --benches` and `cargo bench` add flags of their own.
    let mut words = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let folder =
        words.next().map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mailbox"), PathBuf::from);
    let count: usize = words.next().map_or(Ok(20_000), |n| n.parse()).context("COUNT is a number")?;
    let originals = originals(&folder)?;
    let bytes: usize = originals.iter().map(Vec::len).sum();
    println!(
        "{} messages below {} ({} KB on average), repeated to {count}",
        originals.len(),
        folder.display(),
        bytes / originals.len().max(1) / 1024
    );
    let store = tempfile::tempdir()?;
    let url = format!("sqlite:{}", store.path().join("bench.db").display());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(import(&url, &originals, count))?;
    println!("peak memory {} MB", peak_kb()? / 1024);
    Ok(())
}

fn originals(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let listing = files::list(&[folder.to_owned()], &mut |_| {})?;
    listing.items.iter().map(|item| Ok(files::fetch(item)?.bytes)).collect()
}

async fn import(url: &str, originals: &[Vec<u8>], count: usize) -> Result<()> {
    let settings = config::parse(SETTINGS, "bench")?;
    let judge = Judge::new(Rules::load(&shipped())?);
    let pipeline = Pipeline::new(Store::open(url).await?, settings, judge, Templates::shipped()?);
    let now = Timestamp::from_second(1_800_000_000)?;
    let begun = Instant::now();
    let mut taken = 0;
    while taken < count {
        let upto = count.min(taken + BATCH);
        let batch: Vec<NewCopy> = (taken..upto).filter_map(|n| copy(originals, n)).collect();
        pipeline.take(&batch, now).await?;
        while pipeline.work(now).await?.handled > 0 {}
        taken = upto;
    }
    pipeline.settle(now).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut db = pipeline.store().read().await?;
    let counts = barometer::store::raw::counts(&mut db).await?;
    println!("{count} messages in {seconds:.2} s: {:.0} a second", f64::from(u32::try_from(count)?) / seconds);
    println!("{counts:?}");
    Ok(())
}

/// The n-th message: an original under another name.
fn copy(originals: &[Vec<u8>], n: usize) -> Option<NewCopy> {
    let original = originals.get(n % originals.len().max(1))?;
    let round = n / originals.len().max(1);
    let text = String::from_utf8_lossy(original);
    let (head, body) = text.split_once("\n\n").or_else(|| text.split_once("\r\n\r\n")).unwrap_or((&text, ""));
    let head: Vec<String> = head.lines().map(|line| rename(line, round)).collect();
    let bytes = format!("{}\n\n{body}", head.join("\n")).into_bytes();
    Some(NewCopy {
        source: format!("bench/{n}"),
        whole_bytes: i64::try_from(bytes.len()).ok()?,
        bytes,
        arrived_us: None,
        history: true,
    })
}

fn rename(line: &str, round: usize) -> String {
    let line = line.trim_end_matches('\r');
    let lower = line.to_ascii_lowercase();
    if lower.starts_with("message-id:") {
        line.replacen('<', &format!("<copy{round}."), 1)
    } else if lower.starts_with("subject:") {
        format!("{line} copy {round}")
    } else {
        line.to_owned()
    }
}

/// The most memory this process ever held.
fn peak_kb() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).context("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
