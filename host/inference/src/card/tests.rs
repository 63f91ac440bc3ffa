use super::*;
use crate::device::Accelerator;

const GOOD: &str = r#"
schema = 1
name = "tiny"
version = "1.2.3"
format = "onnx"
licence = "Apache-2.0"
source = "written for tests"
[[files]]
path = "model.onnx"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
bytes = 5
[inputs.ids]
type = "i64"
dims = ["batch", "tokens"]
pad = 7
[inputs.mask]
type = "i64"
dims = ["batch", "tokens"]
[outputs.kind]
type = "f32"
dims = ["batch", 3]
labels = ["question", "complaint", "other"]
[batch]
axis = "batch"
length = "tokens"
max = 8
[limits]
tokens = 256
"#;

fn refused(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    parse_for_test(&GOOD.replace(from, to))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_good_card_is_read_whole() {
    let card = parse_for_test(GOOD).unwrap();
    assert_eq!(
        (card.name(), card.version().to_string().as_str()),
        ("tiny", "1.2.3")
    );
    assert_eq!(card.inputs()["ids"].pad, 7i64.to_le_bytes());
    assert_eq!(card.batch().unwrap().max, 8);
    let guest: Value = serde_json::from_str(&card.to_guest_json()).unwrap();
    assert_eq!(
        guest,
        json!({
            "name": "tiny", "version": "1.2.3",
            "inputs": {
                "ids": {"type": "i64", "dims": ["batch", "tokens"]},
                "mask": {"type": "i64", "dims": ["batch", "tokens"]},
            },
            "outputs": {"kind": {"type": "f32", "dims": ["batch", 3], "labels": ["question", "complaint", "other"]}},
            "limits": {"tokens": 256},
        })
    );
}

#[test]
fn the_digest_follows_what_shapes_answers_alone() {
    let digest = |text: &str| parse_for_test(text).unwrap().digest().to_owned();
    let base = digest(GOOD);
    assert!(base.starts_with("sha256:") && base.len() == 71, "{base}");
    assert_eq!(
        base,
        digest(&GOOD.replace("written for tests", "found elsewhere"))
    );
    for (from, to) in [
        ("1.2.3", "1.2.4"),
        ("0123456789abcdef0123", "1123456789abcdef0123"),
        ("\"complaint\"", "\"praise\""),
        ("max = 8", "max = 4"),
        ("tokens = 256", "tokens = 128"),
    ] {
        assert_ne!(base, digest(&GOOD.replace(from, to)), "{from} → {to}");
    }
}

#[test]
fn unknown_keys_and_types_are_refused_with_their_place() {
    let message = refused("schema = 1", "schema = 1\nbackend = \"gpu\"");
    assert!(
        message.starts_with(
            "`models/m/1.0.0/model.toml` is not a model card: TOML parse error at line 3"
        ),
        "{message}"
    );
    assert!(message.contains("unknown field `backend`"), "{message}");
    let message = refused("type = \"f32\"", "type = \"f23\"");
    assert!(
        message.contains("unknown variant `f23`") && message.contains("`f32`"),
        "{message}"
    );
    let message = refused("licence = \"Apache-2.0\"\n", "");
    assert!(message.contains("missing field `licence`"), "{message}");
    let message = refused("dims = [\"batch\", 3]", "dims = [\"batch\", -3]");
    assert!(
        message.contains("a dimension is a number from 1 or the name of a free axis"),
        "{message}"
    );
}

#[test]
fn contradictions_name_the_key_and_both_sides() {
    let cases = [
        (
            "schema = 1",
            "schema = 2",
            "key `schema`: `2` is not known here; this version reads `1`",
        ),
        (
            "\"tiny\"",
            "\"Tiny!\"",
            "key `name`: `Tiny!` is not a model's name; use lower-case letters, digits and `-`",
        ),
        (
            "\"1.2.3\"",
            "\"1.2\"",
            "key `version`: `1.2` is not a version (unexpected end of input while parsing minor version number); write three numbers, such as `1.0.0`",
        ),
        (
            "\"model.onnx\"",
            "\"../model.onnx\"",
            "key `files[0].path`: `../model.onnx` leaves the model's folder; write a path inside it",
        ),
        (
            "\"model.onnx\"",
            "\"/model.onnx\"",
            "key `files[0].path`: `/model.onnx` leaves the model's folder; write a path inside it",
        ),
        (
            "\"model.onnx\"",
            "\"model.bin\"",
            "key `files`: format `onnx` needs exactly one file that ends in `.onnx` and has no key `devices`, and `0` are listed",
        ),
        (
            "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
            "\"ABC\"",
            "key `files[0].sha256`: `ABC` is not a digest; write 64 lower-case hexadecimal digits, as `sha256sum` prints them",
        ),
        (
            "dims = [\"batch\", 3]",
            "dims = []",
            "key `outputs.kind.dims`: a tensor has 1 to 8 dimensions, and `0` are given",
        ),
        (
            "dims = [\"batch\", 3]",
            "dims = [\"batch\", 0]",
            "key `outputs.kind.dims`: a dimension of `0` holds nothing; write its size, or a name where it is free",
        ),
        (
            "dims = [\"batch\", 3]",
            "dims = [\"batch\", \"batch\"]",
            "key `outputs.kind.dims`: the free axis `batch` must have a name, and occur once in a tensor",
        ),
        (
            "dims = [\"batch\", 3]",
            "dims = [\"batch\", 4]",
            "key `outputs.kind.labels`: `3` labels are given, and the last dimension is `4`; there is one label for each place along it",
        ),
        (
            "dims = [\"batch\", 3]",
            "dims = [1, 3]",
            "key `batch.axis`: `batch` must be the first dimension of every tensor, and `outputs.kind` is `[1, 3]`",
        ),
        (
            "length = \"tokens\"",
            "length = \"words\"",
            "key `inputs.ids.pad`: only an input that has the axis `batch.length` is padded; remove it",
        ),
        (
            "pad = 7",
            "pad = 0.5",
            "key `inputs.ids.pad`: the value does not fit type `i64` exactly; write one that does",
        ),
        (
            "max = 8",
            "max = 0",
            "key `batch.max`: `0` rows would never run; write at least `1`",
        ),
        (
            "tokens = 256",
            "words = 256",
            "key `limits.words`: no input has a free axis `words`; name one that an input has",
        ),
        (
            "tokens = 256",
            "tokens = 0",
            "key `limits.tokens`: `0` would refuse everything; write at least `1`",
        ),
        (
            "[limits]",
            "[warm_up]\nwords = 8\n[limits]",
            "key `warm_up.words`: no input has a free axis `words`; name one that an input has",
        ),
        (
            "[limits]",
            "[warm_up]\ntokens = 0\n[limits]",
            "key `warm_up.tokens`: `0` holds nothing; write at least `1`",
        ),
        (
            "[limits]",
            "[warm_up]\ntokens = 257\n[limits]",
            "key `warm_up.tokens`: `257` is more than `limits.tokens`, `256`; write no more than that",
        ),
        (
            "[limits]",
            "[stub]\nfail = \"error\"\n[limits]",
            "key `stub`: belongs to format `stub`, and this card's format is `onnx`; remove it",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(
            refused(from, to),
            format!("`models/m/1.0.0/model.toml`: {expected}")
        );
    }
    assert_eq!(
        parse_for_test(&GOOD.replace("pad = 7\n", ""))
            .unwrap()
            .inputs()["ids"]
            .pad,
        [0; 8]
    );
}

#[test]
fn files_are_held_to_length_and_digest() {
    let dir = tempfile::tempdir().unwrap();
    let sha = hex::encode(Sha256::digest(b"graph"));
    let text = GOOD.replace(
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        &sha,
    );
    std::fs::write(dir.path().join(CARD_FILE), &text).unwrap();
    let card = Card::read(dir.path()).unwrap();
    let file = dir.path().join("model.onnx");
    let shown = file.display();

    let message = card.verify_files().unwrap_err().to_string();
    assert_eq!(
        message,
        format!(
            "model `tiny@1.2.3` needs `{shown}`, which is not there; restore it, or give its key `from` a source to pull it from"
        )
    );
    std::fs::write(&file, "graphs").unwrap();
    let message = card.verify_files().unwrap_err().to_string();
    assert_eq!(
        message,
        format!(
            "model `tiny@1.2.3`: `{shown}` has bytes `6`, and its card says `5`; restore the file, or correct the card"
        )
    );
    std::fs::write(&file, "grapf").unwrap();
    let message = card.verify_files().unwrap_err().to_string();
    assert!(
        message.contains("has sha256 `") && message.contains(&format!("and its card says `{sha}`")),
        "{message}"
    );
    std::fs::write(&file, "graph").unwrap();
    card.verify_files().unwrap();
}

#[test]
fn a_file_with_an_origin_is_looked_for_where_it_is_pulled_to() {
    let (dir, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sha = hex::encode(Sha256::digest(b"graph"));
    let text = GOOD
        .replace(
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            &sha,
        )
        .replace(
            "bytes = 5",
            "bytes = 5\nfrom = { pypi = \"tiny==1.0\", member = \"tiny/model.onnx\" }",
        );
    std::fs::write(dir.path().join(CARD_FILE), &text).unwrap();
    let card = Card::read(dir.path()).unwrap().with_pulled(state.path());
    let pulled = state.path().join("tiny/1.2.3/model.onnx");
    assert_eq!(card.file_path(&card.files()[0]), pulled);
    let origin = Origin::Wheel(Member {
        pypi: "tiny==1.0".to_owned(),
        member: "tiny/model.onnx".to_owned(),
    });
    assert_eq!(card.files()[0].origin(), Some(&origin));
    let message = card.verify_files().unwrap_err().to_string();
    assert!(
        message.ends_with("which is not there; run `fleetwright models pull`"),
        "{message}"
    );
    std::fs::create_dir_all(pulled.parent().unwrap()).unwrap();
    std::fs::write(&pulled, "graph").unwrap();
    card.verify_files().unwrap();
    std::fs::write(dir.path().join("model.onnx"), "graph").unwrap();
    assert_eq!(
        card.file_path(&card.files()[0]),
        dir.path().join("model.onnx"),
        "beside its card comes first"
    );
}

/// The card with a further graph, of other bytes, for each list of devices.
fn with_graphs(devices: &[&str]) -> String {
    let own = devices.iter().enumerate().map(|(index, devices)| {
        format!(
            "[[files]]\npath = \"own{index}.onnx\"\nsha256 = \"{}\"\nbytes = 3\ndevices = [{devices}]\nfrom = {{ recipe = \"python make.py\" }}\n",
            hex::encode(Sha256::digest(b"own"))
        )
    });
    GOOD.replace("[inputs.ids]", &(own.collect::<String>() + "[inputs.ids]"))
}

#[test]
fn a_graph_for_some_devices_runs_there_and_the_other_everywhere_else() {
    let shared = parse_for_test(GOOD).unwrap();
    let card = parse_for_test(&with_graphs(&["\"cuda\", \"webgpu\""])).unwrap();
    let graph = |card: &Card, kind| card.graph(kind).unwrap().path().to_owned();
    for kind in [Accelerator::Cuda, Accelerator::WebGpu] {
        assert_eq!(graph(&shared, Some(kind)), "model.onnx");
        assert_eq!(graph(&card, Some(kind)), "own0.onnx");
    }
    assert_eq!(graph(&card, None), "model.onnx");
    let cuda = parse_for_test(&with_graphs(&["\"cuda\""])).unwrap();
    assert_eq!(graph(&cuda, Some(Accelerator::WebGpu)), "model.onnx");
    assert!(cuda.files()[1].is_for(Some(Accelerator::Cuda)));
    assert!(!cuda.files()[1].is_for(None) && !cuda.files()[1].is_for(Some(Accelerator::WebGpu)));
    let digests = [&shared, &card, &cuda].map(Card::digest);
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
}

#[test]
fn graphs_that_contend_for_a_device_are_refused() {
    let cases = [
        (
            &["\"cuda\"", "\"webgpu\", \"cuda\""][..],
            "key `files`: `own0.onnx`, `own1.onnx` are all for `cuda`, which runs one graph; take it out of the `devices` of the others",
        ),
        (
            &[""],
            "key `files`: format `onnx` needs exactly one file that ends in `.onnx` and has no key `devices`, and `2` are listed",
        ),
        (
            &["\"tpu\""],
            "unknown variant `tpu`, expected `cuda` or `webgpu`",
        ),
    ];
    for (devices, expected) in cases {
        let message = parse_for_test(&with_graphs(devices))
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_is_for_a_device_is_asked_for_there_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = with_graphs(&["\"cuda\""]).replacen(
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        &hex::encode(Sha256::digest(b"graph")),
        1,
    );
    std::fs::write(dir.path().join(CARD_FILE), text).unwrap();
    std::fs::write(dir.path().join("model.onnx"), "graph").unwrap();
    let card = Card::read(dir.path()).unwrap();
    card.verify_files().unwrap();
    card.verify_files_for(Accelerator::WebGpu).unwrap();
    let message = card
        .verify_files_for(Accelerator::Cuda)
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("own0.onnx`, which is not there; make it: `python make.py`"),
        "{message}"
    );
    std::fs::write(dir.path().join("own0.onnx"), "own").unwrap();
    card.verify_files_for(Accelerator::Cuda).unwrap();
}
