//! A good cluster file with bytes changed at random, always the same ones: no panic, and whatever is told can be shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use kubeproof::report::snippet::render;

fn read(text: String) -> bool {
    let mut sources = SourceMap::new();
    let source = sources.add("mutated.yaml", text);
    let path = "mutated.yaml".to_owned();
    let inputs = [Input {
        source,
        path,
        named: true,
    }];
    let loaded = input::load(&sources, &inputs, Options::default());
    for diagnostic in loaded.all_diagnostics() {
        assert!(render(&sources, diagnostic, false).starts_with(['e', 'w']));
    }
    loaded.failed()
}

/// Whatever bytes are changed: no panic.
#[test]
fn mutations_do_not_panic() {
    let base = include_str!("cases/good/everything.yaml");
    assert!(!read(base.to_owned()));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let bits: Vec<&str> = "- \n: \n{\n}\n[\n]\n&a \n*a \n!!str \n'\n\"\n#\n---\n\t\n<<: *a\n? \n| \n~\n\u{feff}\né\n0\n,\n\\\n%\n@\n"
        .split('\n')
        .chain(["\n", "\r\n", "\n---\n", "\n...\n", "  "])
        .collect();
    for round in 0..6000 {
        let mut bytes = base.as_bytes().to_vec();
        if round % 3 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(5) {
                0 if !bytes.is_empty() => bytes[at] = random(256) as u8,
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 => {
                    let end = (at + random(40)).min(bytes.len());
                    bytes.drain(at..end);
                }
                3 => {
                    let end = (at + random(40)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => drop(bytes.splice(at..at, bits[random(bits.len())].bytes())),
            }
        }
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        read(text);
    }
}
