//! What people would see, looked at in a browser: every golden e-mail and what the demo leaves, on a
//! phone and on a desk, in light and in dark. Nothing is cut off at the side, too small, too pale or
//! fetched.
//!
//! `./test --pictures` installs Chromium and runs this. With `PICTURES=FOLDER` it leaves PNG files there.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the test runs the binary and a browser; a failed step fails it"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Pages that are looked at in one go.
const AT_ONCE: usize = 12;

struct Page {
    name: String,
    html: String,
}

/// The HTML files of a folder, by name.
fn pages_of(folder: &Path) -> Vec<Page> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "html"));
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| Page { name: name(path), html: fs::read_to_string(path).unwrap() }).collect()
}

/// What the demo leaves: its page and its e-mails.
fn demo(desk: &Path) -> Vec<Page> {
    let out = desk.join("demo");
    let done = Command::new(env!("CARGO_BIN_EXE_barometer")).args(["demo", "--out"]).arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut pages = pages_of(&out);
    pages.extend(pages_of(&out.join("mail")));
    pages
}

/// A page that shows `pages` in frames and writes down their faults.
fn wrapper(pages: &[Page], dark: bool) -> String {
    let list: Vec<_> = pages.iter().map(|p| serde_json::json!({"name": p.name, "html": p.html})).collect();
    // The end of a script must not stand in it.
    let list = serde_json::to_string(&list).unwrap().replace("</", "<\\/");
    include_str!("pictures/look.html")
        .replace("= PAGES;", &format!("= {list};"))
        .replace("= DARK;", &format!("= {dark};"))
}

fn browser(desk: &Path, dark: bool) -> Command {
    let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let mut browser = Command::new(program);
    // Only files of ours are opened; the sandbox cannot start as root or inside a container.
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]);
    browser.args(["--disable-extensions", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"]);
    browser.arg("--virtual-time-budget=20000");
    browser.arg(format!("--user-data-dir={}", desk.join("profile").display()));
    browser.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)));
    browser
}

/// What is wrong with `pages`, a line each.
fn faults(desk: &Path, pages: &[Page], dark: bool) -> Vec<String> {
    let file = desk.join("look.html");
    fs::write(&file, wrapper(pages, dark)).unwrap();
    let seen = browser(desk, dark).arg("--dump-dom").arg(format!("file://{}", file.display())).output().unwrap();
    let dom = String::from_utf8_lossy(&seen.stdout).into_owned();
    let told = dom.split_once("<pre id=\"faults\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let told = told.map_or("no answer", |(told, _)| told);
    assert!(told.starts_with("looked at all"), "{told}: {}", String::from_utf8_lossy(&seen.stderr));
    told.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A PNG of one page, narrow and wide side by side.
fn picture(desk: &Path, folder: &Path, page: &Page, dark: bool) {
    let file = desk.join("look.html");
    fs::write(&file, wrapper(std::slice::from_ref(page), dark)).unwrap();
    let name = format!("{}-{}.png", page.name, if dark { "dark" } else { "light" });
    let mut browser = browser(desk, dark);
    browser.arg("--window-size=1590,1900").arg(format!("--screenshot={}", folder.join(name).display()));
    assert!(browser.arg(format!("file://{}", file.display())).output().unwrap().status.success());
}

#[test]
#[ignore = "needs Chromium: ./test --pictures"]
fn everything_can_be_read_on_a_phone_and_in_the_dark() {
    let desk = TempDir::new().unwrap();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut pages = pages_of(&tests.join("emails"));
    pages.extend(pages_of(&tests.join("briefs")));
    let golden = pages.len();
    pages.extend(demo(desk.path()));
    assert!(golden > 0 && pages.len() > golden);
    let mut found = Vec::new();
    for dark in [false, true] {
        for some in pages.chunks(AT_ONCE) {
            found.extend(faults(desk.path(), some, dark));
        }
    }
    if let Some(folder) = std::env::var_os("PICTURES").map(PathBuf::from) {
        fs::create_dir_all(&folder).unwrap();
        for page in pages.iter().take(golden) {
            picture(desk.path(), &folder, page, false);
            picture(desk.path(), &folder, page, true);
        }
    }
    let shown = found.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{} faults on {} pages:\n{shown}", found.len(), pages.len());
}

#[test]
#[ignore = "needs Chromium: ./test --pictures"]
fn the_look_finds_what_is_planted() {
    let desk = TempDir::new().unwrap();
    let bad = Page {
        name: "bad".into(),
        html: "<body style='margin:0'><p style='font-size:11px'>tiny</p><p style='color:#bbb'>pale</p>\
               <div style='width:2000px'>wide</div><img src='http://remote.example/x.png'>"
            .into(),
    };
    let found = faults(desk.path(), &[bad], false).join("\n");
    for fault in ["is 11px: tiny", "has contrast 1.92: pale", "scrolls sideways: 2000 px", "a picture must be fetched"]
    {
        assert!(found.contains(fault), "{fault}: {found}");
    }
}
