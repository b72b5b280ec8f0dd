//! Files that take from each other: whoever reads one of them has to read the others first.

use std::collections::{BTreeMap, BTreeSet};

/// A module by its path below the crate: `http::analytics::wire`.
type Module = Vec<String>;

/// The files of a crate by their modules. A folder's `mod.rs` has the folder's.
pub struct Sources(BTreeMap<Module, Vec<Import>>);

/// A path that a file names, and by what it is called in it.
#[derive(Clone)]
struct Import {
    path: Vec<String>,
    name: String,
}

impl Sources {
    /// Of files by their paths below `src/`. Tests are left out: they may use whatever there is.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Sources {
        let read = |(path, text): (String, String)| {
            let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            module.pop_if(|last| *last == "mod" || *last == "lib" || *last == "main");
            let mut imports = Vec::new();
            find_imports(&tokens(&text), &mut imports);
            (module, imports)
        };
        let mut sources: BTreeMap<Module, Vec<Import>> = files.into_iter().map(read).collect();
        sources.retain(|module, _| module.last().is_some_and(|last| last != "tests"));
        Sources(sources)
    }

    /// What ties the knots, folder by folder. A folder within counts as one file there; its `mod.rs` is its face, which
    /// names what is in it and may be named by it.
    pub fn knots(&self) -> Vec<String> {
        let mut ties: BTreeMap<&[String], BTreeMap<(&str, &str), String>> = BTreeMap::new();
        for (module, imports) in &self.0 {
            for import in imports {
                let Some(target) = self.absolute(module, &import.path).and_then(|path| self.file_of(path)) else {
                    continue;
                };
                let shared = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
                let (Some(from), Some(to)) = (module.get(shared), self.0.get_key_value(&target)) else { continue };
                let Some(to) = to.0.get(shared) else { continue };
                let taken = format!("{} takes {}", module.join("::"), import.path.join("::"));
                ties.entry(&module[..shared]).or_default().insert((from, to), taken);
            }
        }
        // What crosses a folder's edge at the top is for the table of rooms to say.
        ties.remove(&[] as &[String]);
        ties.into_values().flat_map(circles).collect()
    }

    /// The path from the crate on, if it is one of ours.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let up = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match path.first()?.as_str() {
            "crate" => (&[][..], &path[1..]),
            "self" => (module, &path[1..]),
            "super" => (&module[..module.len().checked_sub(up)?], &path[up..]),
            child => {
                let is_child = self.0.contains_key(&[module, &[child.to_owned()]].concat());
                is_child.then_some((module, path))?
            }
        };
        Some([base, rest].concat())
    }

    /// The file that has what a path names, through what is exported anew.
    fn file_of(&self, mut path: Vec<String>) -> Option<Module> {
        // A circle of exports would not compile; a glob of itself is none.
        for _ in 0..8 {
            let length = (1..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
            let (file, rest) = path.split_at(length);
            let again = rest.first().and_then(|name| self.0[file].iter().find(|import| import.name == *name));
            let again = again.and_then(|import| self.absolute(file, &import.path)).filter(|again| *again != path);
            match again {
                Some(again) => path = [&again, &rest[1..]].concat(),
                None => return Some(file.to_vec()),
            }
        }
        None
    }
}

/// The ties that are part of a circle: what nobody takes from, and what takes nothing, is none's.
pub fn circles(mut ties: BTreeMap<(&str, &str), String>) -> Vec<String> {
    loop {
        let from: BTreeSet<&str> = ties.keys().map(|(from, _)| *from).collect();
        let to: BTreeSet<&str> = ties.keys().map(|(_, to)| *to).collect();
        let before = ties.len();
        ties.retain(|(a, b), _| to.contains(a) && from.contains(b));
        if ties.len() == before {
            return ties.into_values().collect();
        }
    }
}

fn find_imports(tokens: &[&str], found: &mut Vec<Import>) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            // What follows is tests.
            ["mod", "tests", "{", ..] => return,
            // `use<'a>` is about lifetimes.
            ["use", next, ..] if *next != "<" => {
                let end = (at..tokens.len()).find(|end| tokens[*end] == ";").unwrap_or(tokens.len());
                find_used(&tokens[at + 1..end], &[], found);
                at = end;
            }
            [first @ ("crate" | "super" | "self"), "::", ..] => {
                let mut path = vec![first.to_string()];
                while let ["::", next, ..] = &tokens[at + 1..] {
                    path.push(next.to_string());
                    at += 2;
                }
                found.push(Import { path, name: String::new() });
            }
            _ => {}
        }
        at += 1;
    }
}

/// The paths of a `use`, with what stands before its braces before each.
fn find_used(tokens: &[&str], before: &[String], found: &mut Vec<Import>) {
    let mut depth = 0;
    let is_comma = |token: &&str| {
        depth += i32::from(*token == "{") - i32::from(*token == "}");
        *token == "," && depth == 0
    };
    for one in tokens.split(is_comma).filter(|one| !one.is_empty()) {
        let words = one.iter().take_while(|token| **token != "{" && **token != "as").filter(|token| **token != "::");
        let mut path: Vec<String> = before.iter().cloned().chain(words.map(|word| word.to_string())).collect();
        // `{self, …}` is what stands before the braces.
        path.pop_if(|last| *last == "self" && !before.is_empty());
        match one.iter().position(|token| *token == "{") {
            Some(open) => find_used(&one[open + 1..one.len() - 1], &path, found),
            None => {
                let name =
                    if one.contains(&"as") { one.last().map(|name| name.to_string()) } else { path.last().cloned() };
                found.push(Import { path, name: name.unwrap_or_default() });
            }
        }
    }
}

/// Words, `::` and single characters; comments, texts, characters and lifetimes are left out.
fn tokens(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = text_length(rest) {
            length
        } else if word > 0 {
            found.push(&rest[..word]);
            word
        } else if rest.starts_with("::") {
            found.push("::");
            2
        } else {
            if !first.is_whitespace() {
                found.push(&rest[..first.len_utf8()]);
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

/// How long the text, character or lifetime is that code begins with, if it does.
fn text_length(code: &str) -> Option<usize> {
    if let Some(quoted) = code.strip_prefix('\'') {
        let mut characters = quoted.char_indices();
        let (_, first) = characters.next()?;
        let (second_at, second) = characters.next()?;
        return match (first, second) {
            ('\\', _) => Some(2 + second_at + second.len_utf8() + quoted[second_at + second.len_utf8()..].find('\'')?),
            (_, '\'') => Some(2 + second_at),
            _ => Some(1 + quoted.find(|c: char| !c.is_alphanumeric() && c != '_')?),
        };
    }
    let raw = code.trim_start_matches('b');
    let hashes = raw.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
    if let Some(hashes) = hashes.filter(|hashes| raw[1 + hashes..].starts_with('"')) {
        let open = code.len() - raw.len() + hashes + 2;
        let close = format!("\"{}", "#".repeat(hashes));
        return Some(open + code[open..].find(&close)? + close.len());
    }
    let open = raw.strip_prefix('"').map(|_| code.len() - raw.len() + 1)?;
    let mut escaped = false;
    let close = code[open..].find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    Some(open + close? + 1)
}
