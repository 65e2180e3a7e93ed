//! Mail on disk: what is listed, in which order, and what is fetched.

#![expect(clippy::unwrap_used, reason = "a failed step fails its test")]

#[path = "support/synthetic.rs"]
mod synthetic;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use barometer::edge::files::{self, Item, Listing, Wrong};
use barometer::edge::folder::{Folder, FolderError};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn list(path: &Path) -> Listing {
    files::list(&[path.to_owned()], &mut |_| {}).unwrap()
}

fn bytes(item: &Item) -> Vec<u8> {
    let raw = files::fetch(item).unwrap();
    assert_eq!(raw.whole_bytes, item.size_bytes, "{}", item.path);
    assert_eq!(raw.whole_bytes, raw.bytes.len() as u64, "{}", item.path);
    raw.bytes
}

fn texts(path: &Path) -> Vec<String> {
    let listing = list(path);
    assert!(listing.complaints.is_empty(), "{:?}", listing.complaints);
    listing.items.iter().map(|item| String::from_utf8(bytes(item)).unwrap()).collect()
}

/// Paths of the items below the folder.
fn names(folder: &TempDir, listing: &Listing) -> Vec<String> {
    let prefix = format!("{}/", folder.path().display());
    listing.items.iter().map(|item| item.path.strip_prefix(&prefix).unwrap().to_owned()).collect()
}

fn complaints(folder: &TempDir, listing: &Listing) -> Vec<String> {
    let prefix = format!("{}/", folder.path().display());
    listing.complaints.iter().map(|c| c.to_string().replace(&prefix, "")).collect()
}

fn message(day: u32, subject: &str) -> String {
    format!(
        "From: Ines Quarrie <ines@quarrie.example>\nTo: sam@northlight.example\n\
         Date: Mon, {day:02} Mar 2026 09:14:00 +0000\nSubject: {subject}\n\nShort text.\n"
    )
}

const ENVELOPE: &str = "From ines@quarrie.example Mon Mar  2 09:14:00 2026\n";

fn maildir() -> TempDir {
    let mail = folder();
    for name in ["tmp", "new", "cur", ".Clients/new", ".Clients/cur", "Plain/new", "Plain/cur"] {
        fs::create_dir_all(mail.path().join(name)).unwrap();
    }
    mail
}

#[test]
fn a_maildir_gives_new_and_cur_and_its_folders() {
    let mail = maildir();
    let files = [
        ("new/1772442000.M1P2.host", message(4, "new")),
        ("cur/1772442001.M1P2.host:2,S", message(3, "read")),
        ("cur/1772442060.M1P2.host:2,S", "Subject: no date\n\nText\n".to_owned()),
        ("cur/odd", "Subject: no date at all\n\nText\n".to_owned()),
        ("cur/.hidden", message(1, "hidden")),
        ("tmp/1772442002.M1P2.host", message(1, "half written")),
        ("dovecot-uidlist", "3 V1 N1\n".to_owned()),
        (".notes/secret", message(1, "not a Maildir")),
        (".Clients/cur/1772442003.M1P2.host:2,", message(5, "filed")),
        ("Plain/cur/1772442004.M1P2.host:2,", message(6, "filed")),
    ];
    for (name, text) in files {
        put(&mail, name, text);
    }

    let listing = list(mail.path());

    assert!(listing.complaints.is_empty(), "{:?}", listing.complaints);
    let expected = [
        "cur/1772442060.M1P2.host:2,S", // 2 March by its name
        "cur/1772442001.M1P2.host:2,S",
        "new/1772442000.M1P2.host",
        ".Clients/cur/1772442003.M1P2.host:2,",
        "Plain/cur/1772442004.M1P2.host:2,",
        "cur/odd",
    ];
    assert_eq!(names(&mail, &listing), expected);
    symlink("/nowhere", mail.path().join(".Linked")).unwrap();
    assert!(matches!(list(mail.path()).complaints[0].wrong, Wrong::Link));
    let by_name = listing.items[0].arrived_at.unwrap();
    assert_eq!(by_name.as_second(), 1_772_442_060);
}

#[test]
fn a_maildir_message_is_found_after_its_reader_moved_it() {
    let mail = folder();
    fs::create_dir_all(mail.path().join("cur")).unwrap();
    let new = put(&mail, "new/1772442000.M1P2.host", message(4, "new"));
    let listing = list(mail.path());
    fs::rename(&new, mail.path().join("cur/1772442000.M1P2.host:2,RS")).unwrap();
    assert_eq!(bytes(&listing.items[0]), message(4, "new").as_bytes());
}

#[test]
fn folders_are_walked_and_the_rest_is_complained_of() {
    let mail = folder();
    put(&mail, "b.eml", message(2, "b"));
    put(&mail, "a/deep/er/c.EML", message(2, "c"));
    put(&mail, "a/17", message(2, "no extension"));
    put(&mail, "a/two.mbox", format!("{ENVELOPE}{}\n{ENVELOPE}{}", message(1, "x"), message(3, "y")));
    put(&mail, "empty.eml", "");
    put(&mail, "expected.json", "{\"path\": 1}\n");
    put(&mail, ".hidden.eml", message(1, "hidden"));
    put(&mail, ".git/x.eml", message(1, "hidden"));
    symlink(mail.path().join("b.eml"), mail.path().join("link.eml")).unwrap();
    symlink(mail.path(), mail.path().join("loop")).unwrap();
    symlink("/nowhere/at/all", mail.path().join("dangling.eml")).unwrap();
    let _socket = UnixListener::bind(mail.path().join("socket")).unwrap();

    let listing = list(mail.path());

    assert_eq!(
        names(&mail, &listing),
        ["a/two.mbox#1", "a/17", "a/deep/er/c.EML", "b.eml", "a/two.mbox#2", "empty.eml"]
    );
    let link = "is a symbolic link, which is not followed; name its target as an argument";
    assert_eq!(
        complaints(&mail, &listing),
        [
            format!("dangling.eml: {link}"),
            "expected.json: does not look like mail and was left out; \
             if it is a message, name it as an argument or call it .eml"
                .to_owned(),
            format!("link.eml: {link}"),
            format!("loop: {link}"),
            "socket: is not a regular file; copy the mail into a file, and name that".to_owned(),
        ]
    );
}

#[test]
fn arguments_are_taken_whatever_they_hold() {
    let mail = folder();
    let json = put(&mail, "expected.json", "{}\n");
    let empty = put(&mail, "empty", "");
    let linked = mail.path().join("linked.eml");
    symlink(&json, &linked).unwrap();
    let listing = files::list(&[json.clone(), empty, linked, json], &mut |_| {}).unwrap();
    assert_eq!(names(&mail, &listing), ["empty", "expected.json", "linked.eml"]);
    assert_eq!(bytes(&listing.items[0]), b"");
    assert_eq!(bytes(&listing.items[2]), b"{}\n");
}

#[test]
fn devices_and_sockets_are_never_opened() {
    let mail = folder();
    let socket = mail.path().join("socket");
    let _socket = UnixListener::bind(&socket).unwrap();
    for path in [socket, PathBuf::from("/dev/zero")] {
        let listing = list(&path);
        assert!(listing.items.is_empty());
        assert!(matches!(listing.complaints[0].wrong, Wrong::NotRegular));
    }
}

#[test]
fn a_missing_argument_is_an_error_with_a_remedy() {
    let mail = folder();
    symlink("/nowhere/at/all", mail.path().join("dangling")).unwrap();
    for name in ["none", "dangling", "none/below.eml"] {
        let path = mail.path().join(name);
        let error = files::list(std::slice::from_ref(&path), &mut |_| {}).unwrap_err();
        let remedy = "there is no such file or folder; check the spelling, and that its disk is mounted";
        assert_eq!(error.to_string(), format!("{}: {remedy}", path.display()));
    }
}

#[test]
fn what_may_not_be_read_is_named() {
    let mail = folder();
    let file = put(&mail, "sub/a.eml", message(2, "a"));
    let sub = mail.path().join("sub");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&file).is_ok() {
        return; // The superuser reads everything.
    }
    let listing = list(&sub);
    assert!(matches!(listing.complaints[0].wrong, Wrong::Forbidden(_)));
    fs::set_permissions(&sub, fs::Permissions::from_mode(0o000)).unwrap();
    let refused = files::list(std::slice::from_ref(&sub), &mut |_| {});
    let within = list(mail.path());
    fs::set_permissions(&sub, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(refused.unwrap_err().wrong, Wrong::Forbidden(_)));
    assert!(matches!(within.complaints[0].wrong, Wrong::Forbidden(_)));
}

#[test]
fn order_is_arrival_then_path_then_number() {
    let mail = folder();
    let received = "Received: from a by b; Thu, 05 Mar 2026 10:00:00 +0100\n";
    put(&mail, "late.eml", format!("{received}{}", message(1, "written early")));
    put(&mail, "z.eml", message(2, "tie"));
    put(&mail, "b.eml", message(2, "tie"));
    put(&mail, "none.eml", "Subject: x\n\n");
    let many: Vec<String> = (0..11).map(|_| format!("{ENVELOPE}{}", message(2, "tie"))).collect();
    put(&mail, "m", many.join("\n"));

    let listing = list(mail.path());

    let mut expected = vec!["b.eml".to_owned()];
    expected.extend((1..=11).map(|number| format!("m#{number}")));
    expected.extend(["z.eml", "late.eml", "none.eml"].map(str::to_owned));
    assert_eq!(names(&mail, &listing), expected);
}

#[test]
fn an_mbox_is_split_only_at_envelopes_behind_empty_lines() {
    let mail = folder();
    let first = "From: a@b.example\nSubject: 1\n\n>From here\n>>From there\n> From afar\nFrom the start\n";
    let second = "Subject: 2\n\nText\n\nFrom London with love\nFrom a@b.example Mon Mar  2 09:14:00 2026\nEnd";
    let path = put(&mail, "box", format!("{ENVELOPE}{first}\n{ENVELOPE}{second}"));
    let expected_first = "From: a@b.example\nSubject: 1\n\nFrom here\n>From there\n> From afar\nFrom the start\n";
    assert_eq!(texts(&path), [expected_first, second]);
}

#[test]
fn line_ends_of_an_mbox_stay_and_its_separators_go() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let message = "Subject: 1\n\nText\n\n";
    // Each message ends with an empty line, the last one too; or the last line has no end.
    for (tail, last) in [("\n", message), ("", "Subject: 1\n\nText\n"), ("more", "Subject: 1\n\nText\n\nmore")] {
        let text = format!("{ENVELOPE}{message}\n{ENVELOPE}{message}{tail}");
        let mail = folder();
        let path = put(&mail, "lf", &text);
        assert_eq!(texts(&path), [message, last]);
        let path = put(&mail, "crlf", crlf(&text));
        assert_eq!(texts(&path), [crlf(message), crlf(last)]);
    }
}

#[test]
fn odd_mboxes_are_read_as_far_as_they_go() {
    let mail = folder();
    #[rustfmt::skip]
    let cases = [
        ("empty",     b"".to_vec(), vec![""]),
        ("bare",      ENVELOPE.as_bytes().to_vec(), vec![""]),
        ("unended",   ENVELOPE.trim_end().as_bytes().to_vec(), vec![""]),
        ("bodiless",  format!("{ENVELOPE}\n{ENVELOPE}\n").into_bytes(), vec!["", ""]),
        ("garbage",   [ENVELOPE.as_bytes(), b"\x00\xff\xfe\n\n\x80From \n"].concat(), vec!["\0\u{fffd}\u{fffd}\n\n\u{fffd}From \n"]),
    ];
    for (name, text, expected) in cases {
        let listing = list(&put(&mail, name, text));
        let found = listing.items.iter().map(bytes);
        let found: Vec<String> = found.map(|b| String::from_utf8_lossy(&b).into_owned()).collect();
        assert_eq!(found, expected, "{name}");
    }
    let prose = put(&mail, "prose", "From here on it gets better.\n\nFrom there too.\n");
    assert_eq!(list(&prose).items[0].path, prose.display().to_string());
}

#[test]
fn an_eml_with_an_envelope_line_is_one_message_under_its_own_name() {
    let mail = folder();
    let text = message(2, "kept its envelope");
    let path = put(&mail, "a.eml", format!("{ENVELOPE}{text}"));
    let listing = list(&path);
    assert_eq!(listing.items[0].path, path.display().to_string());
    assert_eq!(bytes(&listing.items[0]), text.as_bytes());

    fs::create_dir_all(mail.path().join("box/new")).unwrap();
    let doubled = format!("{ENVELOPE}{text}\n{ENVELOPE}{text}");
    put(&mail, "box/cur/1.x", &doubled);
    let listing = list(&mail.path().join("box"));
    assert_eq!(listing.items.len(), 1);
    assert_eq!(bytes(&listing.items[0]), &doubled.as_bytes()[ENVELOPE.len()..]);
}

#[test]
fn an_mbox_that_changed_is_not_misread() {
    let mail = folder();
    let path = put(&mail, "box", format!("{ENVELOPE}{}\n{ENVELOPE}{}", message(1, "x"), message(2, "y")));
    let listing = list(&path);
    fs::write(&path, format!("{ENVELOPE}{}", message(2, "compacted"))).unwrap();
    let error = files::fetch(&listing.items[1]).unwrap_err();
    assert!(matches!(error.wrong, Wrong::Changed), "{error}");
    fs::remove_file(&path).unwrap();
    let error = files::fetch(&listing.items[0]).unwrap_err();
    assert!(matches!(error.wrong, Wrong::Vanished), "{error}");
}

/// Writes a message of so many megabytes behind an optional envelope, in lines or in one.
fn large(path: &Path, envelope: &str, megabytes: usize, line_end: &str) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let head = message(2, "large");
    write!(file, "{envelope}{head}").unwrap();
    let line = format!("{}{line_end}", "x".repeat(1024 - line_end.len()));
    for _ in 0..megabytes * 1024 {
        file.write_all(line.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    (head.len() + megabytes * 1024 * 1024) as u64
}

#[test]
fn large_messages_come_whole_and_larger_ones_cut() {
    let mail = folder();
    let body_at = message(2, "large").find("\n\n").unwrap() + 2;
    for (envelope, line_end) in [("", "\n"), (ENVELOPE, "\n"), (ENVELOPE, "")] {
        let path = mail.path().join("large");
        let whole = large(&path, envelope, 60, line_end);
        assert_eq!(bytes(&list(&path).items[0]).len() as u64, whole);

        let whole = large(&path, envelope, 70, line_end);
        let item = list(&path).items.remove(0);
        let raw = files::fetch(&item).unwrap();
        assert_eq!((raw.whole_bytes, item.size_bytes), (whole, whole));
        assert_eq!(raw.bytes.len(), body_at + (1 << 20));
    }
}

#[test]
fn names_that_are_not_utf8_are_shown_and_found() {
    let mail = folder();
    let odd = |ending: &[u8]| {
        let name = [b"caf\xe9", ending].concat();
        mail.path().join(std::ffi::OsString::from_vec(name))
    };
    fs::write(odd(b".eml"), message(2, "single")).unwrap();
    fs::write(odd(b".mbox"), format!("{ENVELOPE}{}", message(2, "first"))).unwrap();
    let listing = list(mail.path());
    assert_eq!(names(&mail, &listing), ["caf\u{fffd}.eml", "caf\u{fffd}.mbox#1"]);
    assert_eq!(bytes(&listing.items[0]), message(2, "single").as_bytes());
    assert_eq!(bytes(&listing.items[1]), message(2, "first").as_bytes());
}

#[test]
fn a_synthetic_archive_comes_back_byte_for_byte() {
    let mail = folder();
    let path = mail.path().join("archive");
    synthetic::write_mbox(&path, 0..300, 0).unwrap();
    let listing = list(&path);
    assert!(listing.items.iter().all(|item| item.arrived_at.is_some()));
    let found: Vec<Vec<u8>> = listing.items.iter().map(bytes).collect();
    let written: Vec<Vec<u8>> = (0..300).map(|number| synthetic::message(number, 0)).collect();
    assert!(found == written, "the archive changed on its way");
}

/// Most memory that this process ever held, in kilobytes.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "writes a gigabyte; run it alone, as its memory is that of the process"]
fn a_gigabyte_of_mail_needs_the_memory_of_one_message() {
    let mail = folder();
    let path = mail.path().join("archive");
    synthetic::write_mbox(&path, 0..20_000, 50_000).unwrap();
    let before = peak_kb();
    let listing = list(&path);
    let whole: u64 = listing.items.iter().map(|item| item.size_bytes).sum();
    let fetched: u64 = listing.items.iter().map(|item| bytes(item).len() as u64).sum();
    assert_eq!((listing.items.len(), fetched), (20_000, whole));
    assert!(whole > 1_000_000_000, "{whole} bytes");
    let grown = peak_kb() - before;
    assert!(grown < 16 * 1024, "{grown} KB more");
}

#[test]
fn progress_counts_every_message() {
    let mail = folder();
    put(&mail, "a.eml", message(2, "a"));
    put(&mail, "box", format!("{ENVELOPE}{}\n{ENVELOPE}{}", message(1, "x"), message(3, "y")));
    let mut count = 0;
    files::list(&[mail.path().to_owned()], &mut |more| count += more).unwrap();
    assert_eq!(count, 3);
}

#[test]
fn a_folder_delivers_whole_files_once() {
    let outbox = folder();
    let out = Folder::create(outbox.path().join("out/mail")).unwrap();
    let path = out.deliver("0001.eml", b"first").unwrap();
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(out.deliver("0001.eml", b"first").unwrap(), path);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    out.deliver("0001.eml", b"other").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"other");
    let left: Vec<_> = fs::read_dir(out.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["0001.eml"]);
}

#[test]
fn a_folder_refuses_names_that_lead_elsewhere() {
    let outbox = folder();
    let out = Folder::create(outbox.path()).unwrap();
    for name in ["", ".", "..", "../x", "a/b", "a\\b", "/etc/x", ".hidden", "a\0b", "a\nb"] {
        let error = out.deliver(name, b"x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{name:?}");
    }
    assert_eq!(fs::read_dir(outbox.path()).unwrap().count(), 0);
}

#[test]
fn a_failed_delivery_leaves_nothing_behind() {
    let outbox = folder();
    let out = Folder::create(outbox.path()).unwrap();
    fs::create_dir(outbox.path().join("taken")).unwrap();
    out.deliver("taken", b"x").unwrap_err();
    assert_eq!(fs::read_dir(outbox.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_is_an_error_with_a_remedy() {
    let outbox = folder();
    let file = put(&outbox, "file", "x");
    let error = Folder::create(&file).unwrap_err();
    assert!(error.to_string().ends_with("is a file, not a folder; name another, or move the file away"));
    let error = Folder::create(file.join("below")).unwrap_err();
    assert!(matches!(error, FolderError::NotCreated { .. }), "{error}");
    let error = Folder::create("/proc").unwrap_err();
    assert!(matches!(error, FolderError::Unwritable { .. }), "{error}");
}
