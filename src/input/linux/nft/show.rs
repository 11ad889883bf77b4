//! Rules of nft as `nft list ruleset` would print them: people know them so, and the dump is JSON.
//!
//! Must never know: what a rule means.

use super::only;
use crate::input::yaml::{Node, Value};

/// A whole rule, counters left out.
pub(super) fn rule(expressions: &[Node<'_>]) -> String {
    let all = expressions.iter().map(|node| statement(*node));
    let all: Vec<String> = all.filter(|text| !text.is_empty()).collect();
    all.join(" ")
}

fn statement(node: Node<'_>) -> String {
    let Some((word, inner)) = only(node) else {
        return value(node);
    };
    let of = |key: &str| inner.as_map().and_then(|m| m.get(key)).map(|e| e.value);
    let shown = |key: &str| of(key).map_or_else(String::new, value);
    match word {
        "counter" => String::new(),
        "match" => {
            let left = of("left").and_then(only);
            let computed = left.is_some_and(|(word, _)| word == "&");
            let op = match shown("op").as_str() {
                "==" | "in" if !computed => " ".to_owned(),
                op => format!(" {op} "),
            };
            format!("{}{op}{}", shown("left"), shown("right"))
        }
        "jump" | "goto" => format!("{word} {}", shown("target")),
        "vmap" => format!("{} vmap {}", shown("key"), shown("data")),
        "mangle" => format!("{} set {}", shown("key"), shown("value")),
        "dnat" | "snat" | "redirect" | "masquerade" => {
            let port = of("port").map_or_else(String::new, |p| format!(":{}", value(p)));
            match of("addr") {
                Some(address) => format!("{word} to {}{port}", value(address)),
                None if port.is_empty() => word.to_owned(),
                None => format!("{word} to {port}"),
            }
        }
        "xt" => format!("xt {} {}", shown("type"), shown("name")),
        "limit" => format!("limit rate {}/{}", shown("rate"), shown("per")),
        _ => word.to_owned(),
    }
}

/// A value or an expression.
pub(super) fn value(node: Node<'_>) -> String {
    match node.value() {
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Str(text) => text.to_owned(),
        Value::Seq(items) => joined(items.iter(), ","),
        Value::Map(_) => expression(node),
    }
}

/// Longer lists are cut: a map of all Services is no text of a rule.
const MOST: usize = 8;

fn joined<'t>(nodes: impl Iterator<Item = Node<'t>>, between: &str) -> String {
    let mut all = Vec::new();
    for (at, node) in nodes.enumerate() {
        if at == MOST {
            all.push("…".to_owned());
            break;
        }
        all.push(value(node));
    }
    all.join(between)
}

fn expression(node: Node<'_>) -> String {
    let Some((word, inner)) = only(node) else {
        return "…".to_owned();
    };
    let shown = |key: &str| {
        let entry = inner.as_map().and_then(|m| m.get(key));
        entry.map_or_else(String::new, |e| value(e.value))
    };
    let items = || {
        let list = match inner.value() {
            Value::Seq(items) => items.iter().collect(),
            _ => vec![inner],
        };
        list.into_iter()
    };
    match word {
        "payload" => format!("{} {}", shown("protocol"), shown("field")),
        "meta" => match shown("key").as_str() {
            name @ ("iifname" | "oifname" | "iif" | "oif") => name.to_owned(),
            key => format!("meta {key}"),
        },
        "ct" => format!("ct {}", shown("key")),
        "fib" => format!(
            "fib {} {}",
            shown("flags").replace(',', " . "),
            shown("result")
        ),
        "numgen" => format!("numgen {} mod {}", shown("mode"), shown("mod")),
        "prefix" => format!("{}/{}", shown("addr"), shown("len")),
        "range" => joined(items(), "-"),
        "concat" => joined(items(), " . "),
        "set" => {
            let pair = |node: Node<'_>| match node.value() {
                Value::Seq(pair) => {
                    let both: Vec<String> = pair.iter().map(verdict).collect();
                    both.join(" : ")
                }
                _ => value(node),
            };
            let mut all: Vec<String> = items().take(MOST).map(pair).collect();
            if items().count() > MOST {
                all.push("…".to_owned());
            }
            format!("{{ {} }}", all.join(", "))
        }
        "elem" => shown("val"),
        "map" => format!("{} map {}", shown("key"), shown("data")),
        "&" | "|" | "^" | "<<" | ">>" => joined(items(), &format!(" {word} ")),
        _ => verdict(node),
    }
}

fn verdict(node: Node<'_>) -> String {
    match only(node) {
        Some((word @ ("jump" | "goto"), inner)) => {
            let target = inner.as_map().and_then(|m| m.get("target"));
            let target = target.map_or_else(String::new, |e| value(e.value));
            format!("{word} {target}")
        }
        Some(("concat" | "prefix" | "range" | "elem" | "set" | "payload" | "meta", _)) | None => {
            value(node)
        }
        Some((word, _)) => word.to_owned(),
    }
}
