//! The JSON Schema of the cluster file says what the reader accepts: the same fields everywhere, and all examples fit.
//!
//! The reader itself tells its fields: given an unknown one, its help lists those it knows. So neither can grow a field
//! that the other does not have. The examples are checked with a validator of as much of draft-07 as the schema uses; it
//! refuses a keyword that it does not know.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it cannot read"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kubeproof::base::source::SourceMap;
use kubeproof::input::{self, Input, Options};
use serde_json::Value;

fn schema() -> Value {
    serde_json::from_str(include_str!("../schemas/cluster.schema.json")).unwrap()
}

/// The fields that the reader knows where `zzzz` stands in this cluster; three kinds of help tell them.
fn known(text: &str) -> BTreeSet<String> {
    let mut sources = SourceMap::new();
    let full = format!("apiVersion: kubeproof.dev/v1\nkind: Cluster\n{text}\n");
    let source = sources.add("c.yaml", full);
    let input = Input {
        source,
        path: "c.yaml".to_owned(),
        named: true,
    };
    let loaded = input::load(&sources, &[input], Options::default());
    let helps: Vec<String> = loaded
        .all_diagnostics()
        .filter(|d| d.code == "I018")
        .map(|d| d.help.clone().unwrap_or_default())
        .collect();
    assert_eq!(helps.len(), 1, "{text}: {helps:?}");
    assert!(helps[0].starts_with("known are "), "{text}: {helps:?}");
    helps[0]
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The fields of an object of the schema, by a JSON pointer.
fn stated(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let object = schema
        .pointer(pointer)
        .unwrap_or_else(|| panic!("{pointer}"));
    assert_eq!(object["additionalProperties"], false, "{pointer}");
    object["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn the_fields_are_those_of_the_reader() {
    let schema = schema();
    let unknown = "zzzzzzzzzzzz: 1";
    for (pointer, text) in [
        ("", unknown.to_owned()),
        (
            "/properties/metadata/anyOf/0",
            format!("metadata: {{{unknown}}}"),
        ),
        ("/properties/links/anyOf/0", format!("links: {{{unknown}}}")),
        (
            "/definitions/node",
            format!("nodes: [{{name: a, {unknown}}}]"),
        ),
        (
            "/definitions/process",
            format!("nodes: [{{name: a, daemons: [{{name: d, {unknown}}}]}}]"),
        ),
        (
            "/definitions/pod",
            format!("nodes: [{{name: a}}]\npods: [{{name: p, node: a, {unknown}}}]"),
        ),
        (
            "/definitions/process",
            format!(
                "nodes: [{{name: a}}]\npods: [{{name: p, node: a, containers: [{{name: c, {unknown}}}]}}]"
            ),
        ),
        (
            "/definitions/service",
            format!("services: [{{name: s, {unknown}}}]"),
        ),
        (
            "/definitions/servicePort",
            format!("services: [{{name: s, ports: [{{port: 1, {unknown}}}]}}]"),
        ),
        (
            "/definitions/external",
            format!("externals: [{{name: x, {unknown}}}]"),
        ),
        (
            "/definitions/link",
            format!("nodes: [{{name: a}}]\nlinks: {{add: [{{from: a, to: a, {unknown}}}]}}"),
        ),
        (
            "/definitions/fib",
            format!("nodes: [{{name: a}}]\nfibs: [{{at: a, {unknown}}}]"),
        ),
        (
            "/definitions/match",
            format!("nodes: [{{name: a}}]\nfibs: [{{at: a, remove: [{{{unknown}}}]}}]"),
        ),
        (
            "/definitions/rule",
            format!(
                "nodes: [{{name: a}}]\nfibs: [{{at: a, before: [{{action: {{discard: x}}, {unknown}}}]}}]"
            ),
        ),
        (
            "/definitions/action",
            format!(
                "nodes: [{{name: a}}]\nfibs: [{{at: a, after: [{{action: {{discard: x, {unknown}}}}}]}}]"
            ),
        ),
        (
            "/definitions/translation",
            format!(
                "nodes: [{{name: a}}]\nfibs: [{{at: a, after: [{{action: {{translate: {{to: 10.0.0.1, {unknown}}}}}}}]}}]"
            ),
        ),
    ] {
        assert_eq!(stated(&schema, pointer), known(&text), "{pointer}");
    }
}

/// Every definition of the schema is used by it, and so asked above or a plain value.
#[test]
fn no_definition_is_left_over() {
    let schema = schema();
    let text = schema.to_string();
    for name in schema["definitions"].as_object().unwrap().keys() {
        assert!(
            text.contains(&format!("\"#/definitions/{name}\"")),
            "`{name}` is not used"
        );
    }
}

#[test]
fn all_examples_fit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("examples"), root.join("tests/cases/good")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml")
                && path.file_name().is_some_and(|n| n != "expected.yaml")
            {
                let text = fs::read_to_string(&path).unwrap();
                for document in serde_yaml::Deserializer::from_str(&text) {
                    let value: Value = serde::Deserialize::deserialize(document).unwrap();
                    if value["apiVersion"] != "kubeproof.dev/v1" || value["kind"] != "Cluster" {
                        continue;
                    }
                    let faults = faults(&value);
                    assert!(faults.is_empty(), "{}: {faults:#?}", path.display());
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 80, "only {seen}");
}

#[test]
fn what_the_reader_refuses_the_schema_refuses_too() {
    let good = "apiVersion: kubeproof.dev/v1\nkind: Cluster\n";
    assert!(faults(&yaml(good)).is_empty());
    for bad in [
        "nodes: [{addresses: [10.0.0.1]}]",
        "nodes: [{name: a, daemons: {name: d}}]",
        "nodes: [{name: a/b}]",
        "nodes: [{name: a, addresses: [here]}]",
        "pods: [{name: p}]",
        "pods: [{name: p, node: a, labels: {a: 1}}]",
        "pods: [{name: p, node: a, containers: [{name: c, open: [0]}]}]",
        "pods: [{name: p, node: a, containers: [{name: c, open: ['80/tcp']}]}]",
        "services: [{name: s, ports: [{port: 65536}]}]",
        "services: [{name: s, ports: [{port: 80, protocol: tcp}]}]",
        "links: {add: [{from: a}]}",
        "fibs: [{at: a, ideal: maybe}]",
        "fibs: [{at: a, before: [{to: 10.0.0.1}]}]",
        "fibs: [{at: a, before: [{action: {}}]}]",
        "fibs: [{at: a, before: [{action: {discard: x, forward: b}}]}]",
        "fibs: [{at: a, before: [{action: {translate: {}}}]}]",
        "fibs: [{at: a, before: [{toPort: 80-, action: {discard: x}}]}]",
        "nope: 1",
    ] {
        assert!(
            !faults(&yaml(&format!("{good}{bad}\n"))).is_empty(),
            "{bad}"
        );
    }
    assert!(!faults(&yaml("kind: Cluster\n")).is_empty());
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

fn faults(value: &Value) -> Vec<String> {
    let root = schema();
    let mut faults = Vec::new();
    check(value, &root, &root, "", &mut faults);
    faults
}

/// As much of draft-07 as the schema uses.
fn check(value: &Value, schema: &Value, root: &Value, at: &str, faults: &mut Vec<String>) {
    let fits = |schema: &Value| {
        let mut own = Vec::new();
        check(value, schema, root, at, &mut own);
        own.is_empty()
    };
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "definitions" => true,
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                check(value, root.pointer(pointer).unwrap(), root, at, faults);
                true
            }
            "allOf" => rule.as_array().unwrap().iter().all(fits),
            "anyOf" => rule.as_array().unwrap().iter().any(fits),
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|t| is(value, t)),
                one => is(value, one),
            },
            "minimum" => value.as_i64().is_none_or(|v| v >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|v| v <= rule.as_i64().unwrap()),
            "minLength" => value
                .as_str()
                .is_none_or(|s| s.chars().count() as u64 >= rule.as_u64().unwrap()),
            "pattern" => value
                .as_str()
                .is_none_or(|s| pattern(rule.as_str().unwrap(), s)),
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "minProperties" => value
                .as_object()
                .is_none_or(|o| o.len() as u64 >= rule.as_u64().unwrap()),
            "maxProperties" => value
                .as_object()
                .is_none_or(|o| o.len() as u64 <= rule.as_u64().unwrap()),
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(item, rule, root, &format!("{at}/{i}"), faults);
                }
                true
            }
            "properties" => {
                for (key, item) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = rule.get(key) {
                        check(item, schema, root, &format!("{at}/{key}"), faults);
                    }
                }
                true
            }
            "additionalProperties" => {
                let stated = schema["properties"].as_object();
                let more = value.as_object().into_iter().flatten();
                more.filter(|(key, _)| stated.is_none_or(|s| !s.contains_key(*key)))
                    .all(|(_, item)| match rule {
                        Value::Bool(allowed) => *allowed,
                        other => {
                            let mut own = Vec::new();
                            check(item, other, root, at, &mut own);
                            own.is_empty()
                        }
                    })
            }
            other => panic!("the validator does not know `{other}`"),
        };
        if !holds {
            faults.push(format!("{at}: {keyword}"));
        }
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the validator does not know the type `{other}`"),
    }
}

/// The patterns of the schema, told apart by what they are about; there is no regex crate here.
fn pattern(pattern: &str, text: &str) -> bool {
    let address =
        |t: &str| !t.is_empty() && t.chars().all(|c| c.is_ascii_hexdigit() || ".:".contains(c));
    let number = |t: &str| !t.trim().is_empty() && t.trim().bytes().all(|b| b.is_ascii_digit());
    match pattern {
        r"^[^/\s]+$" => !text.is_empty() && !text.contains(|c: char| c == '/' || c.is_whitespace()),
        "^[0-9A-Fa-f:.]+$" => address(text),
        "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$" => match text.split_once('/') {
            Some((ip, length)) => address(ip) && number(length) && length.len() <= 3,
            None => address(text),
        },
        p if p.starts_with("^ *[0-9]+") => text.split(',').all(|part| match part.split_once('-') {
            Some((low, high)) => number(low) && number(high),
            None => number(part),
        }),
        p if p.contains("TCP|UDP|SCTP") => {
            let (rest, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
            let port = rest.rsplit(':').next().unwrap();
            ["TCP", "UDP", "SCTP"].contains(&protocol) && number(port)
        }
        other => panic!("the validator does not know the pattern {other}"),
    }
}
