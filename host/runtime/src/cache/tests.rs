use super::*;

const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
/// The same with a custom section of one byte.
const OTHER: &[u8] = b"\0asm\x0d\0\x01\0\0\x02\x01a";

struct Bench {
    dir: tempfile::TempDir,
    engine: Engine,
    cache: Cache,
}

impl Bench {
    fn new(bounds: CacheBounds) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::bounded(Some(dir.path().join("components")), bounds).unwrap();
        Bench {
            dir,
            engine: Engine::default(),
            cache,
        }
    }

    fn key(&self, component: &[u8]) -> Key {
        Key::new(&digest(component), &EngineHash::of(&self.engine))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.dir.path().join("components").join(key.file())
    }

    fn keep(&self, component: &[u8]) -> Key {
        let key = self.key(component);
        let code = self.engine.precompile_component(component).unwrap();
        self.cache.keep(&key, &code);
        key
    }

    fn finds(&self, key: &Key) -> bool {
        self.cache.find(&self.engine, key).is_some()
    }
}

#[test]
fn what_was_kept_is_found() {
    let bench = Bench::new(CacheBounds::default());
    let key = bench.key(EMPTY);
    assert!(!bench.finds(&key));
    bench.keep(EMPTY);
    assert!(bench.finds(&key));
}

#[test]
fn an_entry_that_was_changed_or_cut_is_not_found_and_is_mended() {
    let bench = Bench::new(CacheBounds::default());
    let key = bench.keep(EMPTY);
    let path = bench.path(&key);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut resealed = whole.clone();
    resealed[0] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    let broken = [
        flipped,
        resealed,
        longer,
        whole[..whole.len() - 1].to_vec(),
        whole[..HASH_BYTES].to_vec(),
        whole[..HASH_BYTES - 1].to_vec(),
        Vec::new(),
    ];
    for entry in broken {
        fs::write(&path, &entry).unwrap();
        assert!(
            !bench.finds(&key),
            "{} of {} bytes",
            entry.len(),
            whole.len()
        );
        bench.keep(EMPTY);
        assert!(bench.finds(&key));
    }
}

#[test]
fn an_entry_in_the_place_of_another_is_not_found() {
    let bench = Bench::new(CacheBounds::default());
    let (one, two) = (bench.keep(EMPTY), bench.keep(OTHER));
    fs::copy(bench.path(&one), bench.path(&two)).unwrap();
    assert!(bench.finds(&one));
    assert!(!bench.finds(&two), "another component's code");
}

#[test]
fn an_entry_of_another_engine_is_not_found() {
    let bench = Bench::new(CacheBounds::default());
    let key = bench.keep(EMPTY);
    let engine = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
    let other = Key::new(&digest(EMPTY), &EngineHash::of(&engine));
    assert_ne!(key.file(), other.file());
    fs::copy(bench.path(&key), bench.path(&other)).unwrap();
    assert!(bench.cache.find(&engine, &other).is_none());
    // Nor where its seal is right: wasmtime looks itself.
    let code = bench.engine.precompile_component(EMPTY).unwrap();
    bench.cache.keep(&other, &code);
    assert!(bench.cache.find(&engine, &other).is_none());
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let components: Vec<Vec<u8>> = (b'a'..=b'e')
        .map(|name| [EMPTY, &[0, 2, 1, name]].concat())
        .collect();
    let bench = Bench::new(CacheBounds {
        entries: 3,
        ..CacheBounds::default()
    });
    let age = |key: &Key, seconds: u64| {
        let file = File::options().append(true).open(bench.path(key)).unwrap();
        let used = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(used).unwrap();
    };
    let keys: Vec<Key> = components[..3].iter().map(|c| bench.keep(c)).collect();
    for (key, seconds) in keys.iter().zip([300, 200, 100]) {
        age(key, seconds);
    }
    assert!(bench.finds(&keys[0]), "used now, though it is the oldest");
    bench.keep(&components[3]);
    let found: Vec<bool> = keys.iter().map(|key| bench.path(key).exists()).collect();
    assert_eq!(found, [true, false, true]);

    let bytes = fs::metadata(bench.path(&keys[0])).unwrap().len();
    let small = Bench::new(CacheBounds {
        entries: 9,
        bytes: bytes * 2 + bytes / 2,
    });
    components.iter().for_each(|c| drop(small.keep(c)));
    let left = fs::read_dir(small.dir.path().join("components")).unwrap();
    assert_eq!(left.count(), 2);
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_could_write_to_is_emptied_and_closed() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(CacheBounds::default());
    let key = bench.keep(EMPTY);
    let components = bench.dir.path().join("components");
    fs::set_permissions(&components, fs::Permissions::from_mode(0o770)).unwrap();
    Cache::open(Some(components.clone())).unwrap();
    assert!(!bench.path(&key).exists(), "anybody may have written it");
    let mode = fs::metadata(&components).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    let kept = bench.keep(EMPTY);
    Cache::open(Some(components)).unwrap();
    assert!(bench.path(&kept).exists(), "nobody else could have");
}

#[cfg(unix)]
#[test]
fn a_directory_of_another_user_is_refused() {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    let foreign = ["/", "/usr", "/proc/1"]
        .into_iter()
        .find(|dir| fs::metadata(dir).is_ok_and(|about| about.uid() != own));
    // A test that runs as root makes one.
    let made = tempfile::tempdir().unwrap();
    let dir = match foreign {
        Some(dir) => PathBuf::from(dir),
        None => {
            std::os::unix::fs::chown(made.path(), Some(own + 1), None).unwrap();
            made.path().to_owned()
        }
    };
    let error = Cache::open(Some(dir)).map(drop).unwrap_err();
    assert!(matches!(error, LoadError::Cache { .. }), "{error}");
}
