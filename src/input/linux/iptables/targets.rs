//! What a rule of `iptables` does.
//!
//! Knows: targets and their options. Must never know: matches, chains.

use super::Around;
use super::words::{Words, addresses, masked};
use crate::input::linux::record::number;
use crate::model::linux::{ChainFamily, Effect};

/// Targets that only tell, count or mark for others than the firewall.
#[rustfmt::skip]
const SILENT: &[&str] = &[
    "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "TCPMSS", "CHECKSUM", "CLASSIFY", "DSCP", "TOS", "ECN", "RATEEST", "LED",
    "IDLETIMER",
];

/// The effects of a target that is no chain.
pub(super) fn effects(
    target: &str,
    options: Words,
    around: &Around<'_>,
) -> Result<Vec<Effect>, String> {
    let effect = match target {
        "ACCEPT" => Effect::Accept,
        "DROP" => Effect::Drop,
        "RETURN" => Effect::Return,
        "REJECT" => reject(options, around)?,
        "MARK" => mark(options)?,
        "CONNMARK" => conn_mark(options)?,
        "DNAT" => nat(options, "--to-destination", true)?,
        "SNAT" => nat(options, "--to-source", false)?,
        "MASQUERADE" => Effect::Masquerade,
        "REDIRECT" => redirect(options)?,
        "NOTRACK" => Effect::NoTrack,
        "CT" => track(options)?,
        "SET" => set(options),
        _ if SILENT.contains(&target) => Effect::Nothing,
        _ => Effect::Unknown(format!("target {target}")),
    };
    Ok(vec![effect])
}

fn reject(mut options: Words, around: &Around<'_>) -> Result<Effect, String> {
    let mut with = match around.family {
        ChainFamily::V6 => "icmp6-port-unreachable".to_owned(),
        _ => "icmp-port-unreachable".to_owned(),
    };
    while let Some(word) = options.next() {
        with = options.value(&word)?;
    }
    Ok(Effect::Reject(with))
}

fn mark(mut options: Words) -> Result<Effect, String> {
    let mut effect = Effect::Nothing;
    while let Some(word) = options.next() {
        let value = options.value(&word)?;
        effect = match changed(&word, &value)? {
            Some((value, mask)) => Effect::SetMark { value, mask },
            None => Effect::Unknown(format!("target MARK {word}")),
        };
    }
    Ok(effect)
}

/// `mark & !mask ^ value`; none where the option says something else.
fn changed(word: &str, text: &str) -> Result<Option<(u32, u32)>, String> {
    let bad = || format!("`{word} {text}` cannot be read");
    let one = || number(text).ok_or_else(bad);
    Ok(Some(match word {
        "--set-xmark" => masked(text).ok_or_else(bad)?,
        "--set-mark" => {
            let (value, mask) = masked(text).ok_or_else(bad)?;
            (value, mask | value)
        }
        "--and-mark" => (0, !one()?),
        "--or-mark" => (one()?, one()?),
        "--xor-mark" => (one()?, 0),
        _ => return Ok(None),
    }))
}

fn conn_mark(mut options: Words) -> Result<Effect, String> {
    let (mut save, mut restore) = (false, false);
    let mut masks: Vec<u32> = Vec::new();
    while let Some(word) = options.next() {
        match word.as_str() {
            "--save-mark" => save = true,
            "--restore-mark" => restore = true,
            "--nfmask" | "--ctmask" | "--mask" => {
                let value = options.value(&word)?;
                let mask = number(&value);
                masks.push(mask.ok_or_else(|| format!("`{word} {value}` cannot be read"))?);
            }
            _ => {
                let value = options.maybe().unwrap_or_default();
                return Ok(match changed(&word, &value)? {
                    Some((value, mask)) => Effect::SetConnMark { value, mask },
                    None => Effect::Unknown(format!("target CONNMARK {word}")),
                });
            }
        }
    }
    let mask = masks.first().copied().unwrap_or(u32::MAX);
    Ok(match (save, restore) {
        _ if masks.iter().any(|m| *m != mask) => {
            Effect::Unknown("target CONNMARK with two masks".to_owned())
        }
        (true, false) => Effect::SaveMark(mask),
        (false, true) => Effect::RestoreMark(mask),
        _ => Effect::Unknown("target CONNMARK".to_owned()),
    })
}

/// `--to-destination 10.1.1.1-10.1.1.9:80-89`. A range of source ports says nothing of which one it will be.
fn nat(mut options: Words, key: &str, destination: bool) -> Result<Effect, String> {
    let mut all = Vec::new();
    while let Some(word) = options.next() {
        if word != key {
            // How one of several is chosen (`--random`, `--persistent`).
            continue;
        }
        let value = options.value(&word)?;
        let unknown =
            || Effect::Unknown(format!("`{key} {value}` stands for more than is modelled"));
        let Some((address, ports)) = split(&value) else {
            return Err(format!("`{word} {value}` cannot be read"));
        };
        let addresses = match address {
            "" => vec![None],
            text => match addresses(text) {
                Some(list) => list.into_iter().map(Some).collect(),
                None if text.contains('-') => return Ok(unknown()),
                None => return Err(format!("`{word} {value}` cannot be read")),
            },
        };
        let ports = match ports {
            None => vec![None],
            Some(text) => match port_range(text) {
                Some((low, high)) if low == high => vec![Some(low)],
                Some(_) if !destination => vec![None],
                Some((low, high)) if high - low < 256 => (low..=high).map(Some).collect(),
                Some(_) => return Ok(unknown()),
                None if text.contains('/') => return Ok(unknown()),
                None => return Err(format!("`{word} {value}` cannot be read")),
            },
        };
        for address in &addresses {
            all.extend(ports.iter().map(|port| (*address, *port)));
        }
    }
    if all.is_empty() || all.len() > 4096 {
        return Ok(Effect::Unknown(format!(
            "a translation without a usable `{key}`"
        )));
    }
    Ok(if destination {
        Effect::Dnat(all)
    } else {
        Effect::Snat(all)
    })
}

/// Addresses and ports of `a-b:p-q`, `[a]:p`, `a`, `:p`.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((address, None)),
            rest => Some((address, Some(rest.strip_prefix(':')?))),
        };
    }
    if text.matches(':').count() > 1 {
        return Some((text, None));
    }
    match text.split_once(':') {
        Some((address, ports)) => Some((address, Some(ports))),
        None => Some((text, None)),
    }
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high).then_some((low, high))
}

fn redirect(mut options: Words) -> Result<Effect, String> {
    let mut port = None;
    while let Some(word) = options.next() {
        if word != "--to-ports" && word != "--to-port" {
            continue;
        }
        let value = options.value(&word)?;
        match port_range(&value) {
            Some((low, high)) if low == high => port = Some(low),
            Some(_) => return Ok(Effect::Unknown(format!("target REDIRECT {word} {value}"))),
            None => return Err(format!("`{word} {value}` cannot be read")),
        }
    }
    Ok(Effect::Redirect(port))
}

/// `-j CT`: exempt from tracking, a helper for it, or tracking apart, which is not modelled.
fn track(mut options: Words) -> Result<Effect, String> {
    let mut effect = Effect::Nothing;
    while let Some(word) = options.next() {
        match word.as_str() {
            "--notrack" => effect = Effect::NoTrack,
            "--helper" | "--timeout" | "--ctevents" | "--expevents" => drop(options.value(&word)?),
            _ => return Ok(Effect::Unknown(format!("target CT {word}"))),
        }
    }
    Ok(effect)
}

/// `-j SET`: what it adds or deletes is told where a rule asks for the set; what it takes over from one is not modelled.
fn set(mut options: Words) -> Effect {
    while let Some(word) = options.next() {
        if word.starts_with("--map-") {
            return Effect::Unknown(format!("target SET {word}"));
        }
    }
    Effect::Nothing
}
