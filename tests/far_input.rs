//! Texts that are not held (JSON of any length, route tables) against the way that is: the same objects, the same mistakes
//! at the same places; and what hostile ones do.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

mod support;

use std::fmt::Write as _;
use std::sync::Arc;

use kubeproof::base::far::{Far, Held, Pieces};
use kubeproof::base::source::{SourceId, SourceMap, Span};
use kubeproof::generate::{Format, Generator, Wish};
use kubeproof::input::{self, Input, Loaded, Options};
use kubeproof::report::snippet::render;
use serde_json::{Value, json};
use support::rng::Rng;

fn generated(wish: Wish) -> String {
    let mut text = String::new();
    Generator::new(wish).unwrap().write(&mut text).unwrap();
    text
}

/// Gives a few bytes at a time, so that every place is once the end of a piece.
#[derive(Debug)]
struct Drops(Vec<u8>, usize);

struct Dropping<'t>(&'t [u8], usize);

impl Far for Drops {
    fn open(&self) -> Result<Box<dyn Pieces + '_>, String> {
        Ok(Box::new(Dropping(&self.0, self.1)))
    }
    fn excerpt(&self, line: u32, column: u32) -> Option<kubeproof::base::far::Excerpt> {
        Held(self.0.clone()).excerpt(line, column)
    }
    fn again(&self) -> bool {
        true
    }
}

impl Pieces for Dropping<'_> {
    fn next(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        let count = piece.len().min(self.0.len()).min(self.1);
        piece[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn read(text: &str, far: bool) -> (SourceMap, SourceId, Loaded) {
    let mut sources = SourceMap::new();
    let source = if far {
        sources.add_far("dump.json", Arc::new(Held(text.as_bytes().to_vec())))
    } else {
        sources.add("dump.json", text)
    };
    let input = Input {
        source,
        path: "dump.json".to_owned(),
        named: true,
    };
    let loaded = input::load(&sources, &[input], Options::default());
    (sources, source, loaded)
}

/// Everything that was read and told, with places as lines and columns.
fn told(text: &str, far: bool) -> String {
    let (sources, source, loaded) = read(text, far);
    let mut out = String::new();
    let mut all: Vec<String> = loaded
        .all_diagnostics()
        .map(|d| {
            let at = |span: Option<Span>| span.map(|s| sources.place(s));
            let related = d.related.as_ref().map(|(s, label)| (at(Some(*s)), label));
            format!(
                "{} {} {:?} {related:?} {:?}\n",
                d.code,
                d.message,
                at(d.span),
                d.help
            )
        })
        .collect();
    all.sort();
    out.extend(all);
    for cluster in &loaded.clusters {
        writeln!(out, "{} {:?}", cluster.name, cluster.cluster).unwrap();
    }
    writeln!(out, "{:?}", loaded.intents.len()).unwrap();
    placed(&out, &sources, source)
}

fn placed(text: &str, sources: &SourceMap, source: SourceId) -> String {
    let mut parts = text.split("Span { source: SourceId(");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (span, rest) = part.split_once(" }").unwrap();
        let mut numbers = span
            .split(|c: char| !c.is_ascii_digit())
            .filter(|w| !w.is_empty());
        let [_, start, end] = [(); 3].map(|()| numbers.next().unwrap().parse::<u32>().unwrap());
        let place = sources.place(Span { source, start, end });
        write!(out, "<{}:{}>{rest}", place.line, place.column).unwrap();
    }
    out
}

/// Replaces, removes or misspells something somewhere.
fn mutated(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Object(map) if !map.is_empty() && !rng.percent(15) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let key = rng.pick(&keys).clone();
            match rng.below(10) {
                0 => drop(map.remove(&key)),
                1 => {
                    let value = map.remove(&key).unwrap();
                    map.insert(format!("{key}x"), value);
                }
                _ => mutated(map.get_mut(&key).unwrap(), rng),
            }
        }
        Value::Array(items) if !items.is_empty() && !rng.percent(15) => {
            let at = rng.below(items.len());
            match rng.below(10) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => mutated(&mut items[at], rng),
            }
        }
        other => {
            *other = rng
                .pick(&[
                    json!(null),
                    json!(true),
                    json!(7),
                    json!(-1.5e3),
                    json!("10.0.0.1"),
                    json!("é\"\\\n\u{1f600}"),
                    json!([]),
                    json!({}),
                    json!([{"ip": "10.0.0.9"}]),
                    json!({"a": {"b": [1, "x"]}}),
                    json!("Pod"),
                    json!(18_446_744_073_709_551_615_u64),
                ])
                .clone();
        }
    }
}

fn wishes() -> Vec<Wish> {
    let base = Wish {
        nodes: 2,
        pods: 2,
        containers: 2,
        services: 2,
        ..Wish::default()
    };
    let of = |format, policies, pad| Wish {
        format,
        policies,
        pad,
        ..base.clone()
    };
    vec![
        of(Format::Cluster, 0, 0),
        of(Format::Kubernetes, 3, 6000),
        of(Format::PodList, 0, 0),
        of(Format::Pods, 2, 0),
        Wish {
            dual_stack: true,
            ..of(Format::Kubernetes, 1, 0)
        },
    ]
}

#[test]
fn both_ways_read_the_same() {
    for wish in wishes() {
        let text = generated(wish.clone());
        let (held, far) = (told(&text, false), told(&text, true));
        assert_eq!(held, far, "{wish:?}");
        assert!(!held.contains("None\n"), "{held}");
    }
}

#[test]
fn both_ways_tell_the_same_mistakes() {
    let seeds = std::env::var("KUBEPROOF_TWIN_SEEDS").map_or(40, |t| t.parse().unwrap());
    let mut wrong = 0;
    for wish in wishes() {
        let text = generated(wish);
        let whole: Value = serde_json::from_str(&text).unwrap();
        for seed in 0..seeds {
            let mut rng = Rng::new(seed, 77);
            let mut value = whole.clone();
            for _ in 0..=rng.below(3) {
                mutated(&mut value, &mut rng);
            }
            if !value.is_object() {
                continue;
            }
            let text = if rng.percent(50) {
                value.to_string()
            } else {
                serde_json::to_string_pretty(&value).unwrap()
            };
            let held = told(&text, false);
            // A list that is no list any more is the one thing that the far way refuses instead of leaving aside.
            let far = told(&text, true);
            if far.contains("`items` stand in something that is no list") {
                continue;
            }
            wrong += usize::from(far.contains(" Some("));
            assert_eq!(held, far, "seed {seed}\n{text}");
        }
    }
    assert!(wrong > 20, "only {wrong} texts with a mistake");
}

#[test]
fn pieces_may_end_anywhere() {
    let text = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pé\u00e9\ud83d\ude00"},
      "spec":{"containers":[{"name":"c","env":[{"name":"\"[{"}],"ports":[{"containerPort":80}]}]}}]}"#;
    let whole = told(text, true);
    assert!(whole.contains("péé😀"), "{whole}");
    for size in 1..40 {
        let mut sources = SourceMap::new();
        let far = Drops(text.as_bytes().to_vec(), size);
        let source = sources.add_far("dump.json", Arc::new(far));
        let input = Input {
            source,
            path: "dump.json".to_owned(),
            named: true,
        };
        let loaded = input::load(&sources, &[input], Options::default());
        let cluster = loaded.clusters[0].cluster.as_ref();
        assert!(whole.contains(&placed(&format!("{cluster:?}"), &sources, source)));
    }
}

#[test]
fn a_mistake_shows_its_line() {
    let text = generated(Wish {
        format: Format::Kubernetes,
        nodes: 3,
        pods: 3,
        ..Wish::default()
    });
    let text = text.replacen("\"containerPort\": 8080", "\"containerPort\": \"x\"", 1);
    let (sources, _, loaded) = read(&text, true);
    let first = loaded.all_diagnostics().next().unwrap();
    let shown = render(&sources, first, false);
    let line = text.lines().position(|l| l.contains("\"x\"")).unwrap() + 1;
    assert!(shown.contains(&format!("dump.json:{line}:")), "{shown}");
    assert!(shown.contains("\"containerPort\": \"x\","), "{shown}");
    assert!(shown.contains(" ^^^\n"), "{shown}");
}

fn codes(text: &str) -> Vec<&'static str> {
    let (_, _, loaded) = read(text, true);
    loaded.all_diagnostics().map(|d| d.code).collect()
}

#[test]
fn broken_and_hostile_texts() {
    let list =
        |items: &str| format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{items}]}}");
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c"}]}}"#;
    assert_eq!(codes(&list(pod)), [""; 0]);
    for (text, code) in [
        (list(&format!("{pod},")), "I005"),
        (list(&format!("{pod}{pod}")), "I005"),
        (list(pod) + "x", "I005"),
        (list(pod)[..60].to_owned(), "I005"),
        (list(&"[".repeat(100_000)), "I013"),
        (list(&"{\"a\":".repeat(100_000)), "I013"),
        (
            list(&pod.replace("\"name\":\"p\"", "\"name\":\"p\",\"name\":\"q\"")),
            "I008",
        ),
        (list(&pod.replace('p', "\u{1}")), "I001"),
        (list(&pod.replace("\"c\"", "\"\\q\"")), "I005"),
        (list(&pod.replace("\"c\"", "01")), "I005"),
        (list(&pod.replace("\"c\"", "tru")), "I005"),
        (list(&pod.replace("[{\"name\":\"c\"}]", "[}")), "I005"),
        (list("7"), "I016"),
        (list(&format!("{pod},{pod}")), "K001"),
        ("[1, 2]".to_owned(), "I016"),
        ("{".to_owned(), "I005"),
        (String::new(), "I005"),
        (
            format!("{{\"items\":[{pod}],\"apiVersion\":\"x.example/v1\",\"kind\":\"Thing\"}}"),
            "I016",
        ),
    ] {
        let found = codes(&text);
        assert_eq!(
            found.first(),
            Some(&code),
            "{found:?} {}",
            &text[..text.len().min(200)]
        );
    }
}

#[test]
fn many_values_in_a_short_text() {
    let text = format!(
        "{{\"apiVersion\":\"kubeproof.dev/v1\",\"kind\":\"Cluster\",\"nodes\":[{}1]}}",
        "1,".repeat(2_500_000)
    );
    assert_eq!(codes(&text), ["I014"]);
}

fn with_tables(cluster: &str, routes: &str) -> (SourceMap, Loaded) {
    let mut sources = SourceMap::new();
    let first = sources.add("dir/cluster.json", cluster);
    let second = sources.add_far(
        "dir/fibs.routes",
        Arc::new(Held(routes.as_bytes().to_vec())),
    );
    let input = |source| Input {
        source,
        path: "dir".to_owned(),
        named: false,
    };
    let inputs = [input(first), input(second)];
    let loaded = input::load(&sources, &inputs, Options::default());
    (sources, loaded)
}

#[test]
fn route_tables_are_read_in_the_order_of_look_up() {
    let wish = Wish {
        nodes: 3,
        pods: 2,
        dual_stack: true,
        tables: Some("fibs.routes".to_owned()),
        ..Wish::default()
    };
    let cluster = generated(wish.clone());
    let routes = generated(Wish {
        format: Format::Routes,
        tables: None,
        ..wish
    });
    let (sources, loaded) = with_tables(&cluster, &routes);
    assert_eq!(loaded.all_diagnostics().count(), 0);
    let tables = &loaded.clusters[0].cluster.as_ref().unwrap().tables;
    assert_eq!((tables.nets.len(), tables.tables.len()), (6, 3));
    for table in &tables.tables {
        assert_eq!(table.routes.len(), 4);
        assert!(table.routes.is_sorted_by_key(|r| r.net));
        for route in &table.routes {
            let line = sources.place(table.place(route)).line;
            let net = tables.net(route.net).to_string();
            assert!(routes.lines().nth(line - 1).unwrap().starts_with(&net));
        }
    }
    let (_, alone) = with_tables(&cluster.replace("fibs.routes", "x.routes"), &routes);
    let codes: Vec<_> = alone.all_diagnostics().map(|d| d.code).collect();
    assert_eq!(codes, ["T004"]);
}

#[test]
fn mistakes_in_route_tables() {
    let cluster = generated(Wish {
        tables: Some("fibs.routes".to_owned()),
        ..Wish::default()
    });
    let head = "kubeproof-routes v1\n";
    for (text, expected) in [
        ("", "T001 1"),
        ("routes\n", "T001 1"),
        ("10.0.1.0/24 node-2\n", "T002 2"),
        ("at node-1\n10.0.1.0/24\n", "T002 3"),
        ("at node-1\n10.0.1.0/24 via node-2\n", "T002 3"),
        ("at node-1\n10.0.1.0/33 node-2\n", "T002 3"),
        ("at node-1\n10.0.1.7/24 node-2\n", "T002 3"),
        ("at node-1\n10.0.1.0/24 node-9\n", "C002 3"),
        ("at node-9\n10.0.1.0/24 node-2\n", "C002 2"),
        ("at node-1\nat node-1\n", "T003 3"),
        (
            "at node-1\n10.0.1.0/24 node-2\n# x\n\n10.0.1.0/24 node-2\n",
            "T003 6",
        ),
    ] {
        let routes = if expected.starts_with("T001") {
            text.to_owned()
        } else {
            format!("{head}{text}")
        };
        let (sources, loaded) = with_tables(&cluster, &routes);
        assert!(loaded.clusters[0].cluster.is_none(), "{text}");
        let told: Vec<String> = loaded
            .all_diagnostics()
            .map(|d| format!("{} {}", d.code, sources.place(d.span.unwrap()).line))
            .collect();
        assert_eq!(told, [expected], "{text}");
    }
    let plain = generated(Wish::default());
    let (_, loaded) = with_tables(&plain, head);
    let codes: Vec<_> = loaded.all_diagnostics().map(|d| d.code).collect();
    assert_eq!(codes, ["T005"]);
}
