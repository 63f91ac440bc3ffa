use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use sha2::{Digest as _, Sha256};

use super::*;

fn wheel(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("thing-1.0-py3-none-any.whl");
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    archive
        .start_file("thing/lib.so", zip::write::SimpleFileOptions::default())
        .unwrap();
    archive.write_all(bytes).unwrap();
    archive.finish().unwrap();
    path
}

fn wanted(folder: &Path, bytes: &[u8]) -> Wanted {
    Wanted {
        what: "thing".to_owned(),
        package: "thing==1.0".to_owned(),
        wheel: None,
        files: vec![wish(folder, bytes)],
    }
}

fn wish(folder: &Path, bytes: &[u8]) -> Wish {
    Wish {
        member: "thing/lib.so".to_owned(),
        sha256: hex::encode(Sha256::digest(bytes)),
        bytes: bytes.len() as u64,
        target: folder.join("lib.so"),
    }
}

fn failure(stderr: &str) -> Output {
    Output {
        status: ExitStatus::from_raw(256),
        stdout: Vec::new(),
        stderr: stderr.as_bytes().to_vec(),
    }
}

#[test]
fn a_member_is_unpacked_where_its_digest_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = wheel(folder.path(), b"library");
    let wish = wish(folder.path(), b"library");
    let file = unpack("thing==1.0", &wish, &wheel, folder.path()).unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), b"library");
}

#[test]
fn a_member_that_is_another_is_refused_with_both_digests() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = wheel(folder.path(), b"something else");
    let unpack = |wish: &Wish| unpack("thing==1.0", wish, &wheel, folder.path()).unwrap_err();
    let error = unpack(&wish(folder.path(), b"library"));
    assert!(matches!(error, PullError::WrongDigest { .. }), "{error}");
    let missing = Wish {
        member: "thing/other.so".to_owned(),
        ..wish(folder.path(), b"library")
    };
    assert!(matches!(unpack(&missing), PullError::Unpack { .. }));
    assert!(!folder.path().join("lib.so").exists());
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted(folder.path(), b"library");
    fs::write(wanted.target(), b"library").unwrap();
    assert_eq!(
        pull(&wanted, &Progress::standard()).unwrap(),
        Pulled::Present
    );
}

#[test]
fn pips_failures_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted(folder.path(), b"library");
    let told = |stderr: &str| explain("python3".to_owned(), &wanted, &failure(stderr));
    assert!(matches!(
        told("/usr/bin/python3: No module named pip\n"),
        PullError::NoPip { .. }
    ));
    let offline = "WARNING: Retrying … NewConnectionError('…: [Errno -3] Temporary failure in name resolution')\nERROR: No matching distribution found for thing==1.0\n";
    assert!(matches!(told(offline), PullError::Offline { .. }));
    let refused = told(
        "ERROR: Could not find a version\nERROR: No matching distribution found for thing==1.0\n",
    );
    assert!(
        matches!(&refused, PullError::Refused { detail, .. } if detail == "No matching distribution found for thing==1.0"),
        "{refused}"
    );
}
