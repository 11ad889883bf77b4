//! Our tree of a YAML text against that of another reader, on ordinary documents: where YAML 1.1 and 1.2 agree, the
//! two must.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may"
)]

use std::fs;
use std::path::Path;

use kubeproof::base::source::{SourceMap, Span};
use kubeproof::input::problems::Problems;
use kubeproof::input::yaml::{self, Node, Value};
use serde_yaml as other;

/// `y`, `no` and the like are strings in YAML 1.2 and truth values in 1.1: the one difference that ordinary files show.
fn only_1_1(word: &str) -> bool {
    matches!(
        word.to_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off"
    )
}

fn ours(node: Node<'_>, text: &str) -> String {
    let raw = |span: Span| &text[span.start as usize..span.end as usize];
    match node.value() {
        Value::Bool(_) if only_1_1(raw(node.span())) => format!("{:?}", raw(node.span())),
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(n) => format!("{n:?}"),
        Value::Str(s) => format!("{s:?}"),
        Value::Seq(seq) => {
            let items: Vec<_> = seq.iter().map(|n| ours(n, text)).collect();
            format!("[{}]", items.join(","))
        }
        Value::Map(map) => {
            let items: Vec<_> = map
                .iter()
                .map(|e| {
                    let written = raw(e.key_span);
                    let key = if only_1_1(written) { written } else { e.key };
                    format!("{key:?}:{}", ours(e.value, text))
                })
                .collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

fn theirs(value: &other::Value) -> String {
    match value {
        other::Value::Null => "null".to_owned(),
        other::Value::Bool(b) => b.to_string(),
        other::Value::Number(n) if n.is_f64() => format!("{:?}", n.as_f64().unwrap()),
        other::Value::Number(n) => n.to_string(),
        other::Value::String(s) => format!("{s:?}"),
        other::Value::Sequence(items) => {
            let items: Vec<_> = items.iter().map(theirs).collect();
            format!("[{}]", items.join(","))
        }
        other::Value::Mapping(map) => {
            let key = |k: &other::Value| match k {
                other::Value::String(s) => format!("{s:?}"),
                scalar => format!("{:?}", theirs(scalar)),
            };
            let items: Vec<_> = map
                .iter()
                .map(|(k, v)| format!("{}:{}", key(k), theirs(v)))
                .collect();
            format!("{{{}}}", items.join(","))
        }
        other::Value::Tagged(tagged) => theirs(&tagged.value),
    }
}

fn read(text: &str) -> Result<Vec<String>, String> {
    let mut sources = SourceMap::new();
    let id = sources.add("t", text);
    let mut problems = Problems::with_room(10);
    let read = yaml::parse(id, text, &mut problems);
    let all = read.documents().map(|d| ours(d.node, text)).collect();
    match problems.into_list().first() {
        None => Ok(all),
        Some(d) => Err(format!("{} {} at {:?}", d.code, d.message, d.span)),
    }
}

fn same(name: &str, text: &str) {
    let theirs: Vec<String> = other::Deserializer::from_str(text)
        .map(|d| <other::Value as serde::Deserialize>::deserialize(d).unwrap())
        .filter(|v| !v.is_null())
        .map(|v| theirs(&v))
        .collect();
    assert_eq!(read(text), Ok(theirs), "{name}");
}

#[test]
fn ordinary_documents() {
    for text in [
        "a: 1\nb: [x, 'y', \"z\\n\"]\nc: {d: ~, e: null, f: }\n",
        "- a\n- - b\n  - c\n- d:\n  - e\n  f: 1\n-\n  g: h\n",
        "key: |\n  one\n  two\n\nkeep: |+\n  x\n\nstrip: >-\n  folded\n  text\n\n  more\n",
        "a: &x {b: 1, c: [2]}\nd: *x\ne: [*x, *x]\n",
        "plain: a b  c\nmulti: one\n  two\n  three\nquoted: 'it''s'\nuni: \"\\u00e9\\x41\\U0001F600\"\n",
        "a: 0\nb: -7\nc: 3.25\nd: 1e3\ne: 0x1F\nf: 18446744073709551615\ng: -9223372036854775808\nh: .5\n",
        "url: http://x:80/y?z#w\ntime: 12:30:45\ndate: 2001-01-01\nip: 10.1.1.1\nver: 1.2.3\nport: 80/TCP\n",
        "a: !!str 12\nb: !!int 7\nc: ! 12\nd: !!str\ne: !!float 1\n",
        "? complex\n: value\n1: one\ntrue: yes it is\n",
        "{\"a\": [1, 2.5, \"x\", null, true, {}], \"b\\/c\": \"\\u00fc\", \"\": []}",
        "# only comments\na: b # and here\n# end\n",
        "a: 'multi\n  line\n\n  quote'\nb: \"fold\\\n  ed\"\n",
        "empty: {}\nlist: []\ntext: ''\n",
        "a: 1\n---\nb: 2\n--- # three\nc: 3\n",
        "a:\r\n- b\r\n- c: d\r\n",
        "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n",
    ] {
        same(text, text);
    }
}

/// Whatever YAML files lie in the repository, except those that are wrong on purpose.
#[test]
fn files_of_the_repository() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")];
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    // More, where there are any: `YAML_CORPUS=folder`.
    folders.extend(std::env::var_os("YAML_CORPUS").map(Into::into));
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.map(|e| e.unwrap().path()) {
            let extension = entry.extension().and_then(|e| e.to_str());
            if entry.is_dir() && !entry.ends_with("bad-input") {
                folders.push(entry);
            } else if matches!(extension, Some("yaml" | "yml" | "json")) {
                same(
                    &entry.display().to_string(),
                    &fs::read_to_string(&entry).unwrap(),
                );
                count += 1;
            }
        }
    }
    assert!(count > 0);
}

#[test]
fn merge_keys() {
    let text = "base: &b {x: 1, q: 2}\nmore: &m {q: 3, z: 4}\none: {<<: *b, x: 9}\ntwo: {<<: [*b, *m]}\nin: {<<: {r: 1}}\nno: {\"<<\": 1}\n";
    let expected = concat!(
        r#"{"base":{"x":1,"q":2},"more":{"q":3,"z":4},"one":{"x":9,"q":2},"#,
        r#""two":{"x":1,"q":2,"z":4},"in":{"r":1},"no":{"<<":1}}"#
    );
    assert_eq!(read(text), Ok(vec![expected.to_owned()]));
}

#[test]
fn keys_as_the_api_server_spells_them() {
    let text = "true: 1\n012: 2\n1_000: 3\n0x10: 4\n1.5: 5\n'7': 6\n";
    let expected = r#"{"true":1,"10":2,"1000":3,"16":4,"1.5":5,"7":6}"#;
    assert_eq!(read(text), Ok(vec![expected.to_owned()]));
    assert!(read("1: a\n'1': b\n").unwrap_err().starts_with("I008"));
    assert_eq!(
        read("a: \"\\ud83d\\ude00\""),
        Ok(vec!["{\"a\":\"😀\"}".to_owned()])
    );
    assert!(read("yes: a\ntrue: b\n").unwrap_err().starts_with("I008"));
}

#[test]
fn spans_are_those_of_the_text() {
    let text = "a:\n  b: [x, 'y z']\n  c: &k\n    d: 1\ne: *k\n";
    let mut sources = SourceMap::new();
    let id = sources.add("t", format!("# é\n---\n{text}"));
    let text = sources.get(id).text();
    let mut problems = Problems::with_room(10);
    let read = yaml::parse(id, text, &mut problems);
    let slice = |span: Span| &text[span.start as usize..span.end as usize];
    let top = read.documents().next().unwrap().node.as_map().unwrap();
    let a = top.get("a").unwrap();
    assert_eq!(slice(a.key_span), "a");
    let a = a.value.as_map().unwrap();
    assert_eq!(slice(a.get("b").unwrap().value.span()), "[x, 'y z']");
    let Value::Seq(items) = a.get("b").unwrap().value.value() else {
        panic!()
    };
    assert_eq!(
        items.iter().map(|n| slice(n.span())).collect::<Vec<_>>(),
        ["x", "'y z'"]
    );
    let c = a.get("c").unwrap();
    assert_eq!((slice(c.key_span), slice(c.value.span())), ("c", "d: 1"));
    let e = top.get("e").unwrap();
    assert_eq!(slice(e.value.span()), "*k");
    assert_eq!(
        slice(e.value.as_map().unwrap().get("d").unwrap().key_span),
        "d"
    );
}
