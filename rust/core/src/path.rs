//! Paths to values: `a.b[0].c`, `[0].id`, `["a key.with dots"].x`.

use crate::error::PlanError;

/// So that recursion over a path's steps is safe.
const MAX_STEPS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of an object, its key without escapes.
    Key(Box<str>),
    /// The element of an array, from 0.
    Item(usize),
}

/// The steps of `path`, none for the empty path; `name` says whose it is.
pub(crate) fn parse(name: &str, path: &str) -> Result<Vec<Step>, PlanError> {
    let wrong = || {
        PlanError(format!(
            "the path of `{name}`, `{path}`, is not keys joined by dots, with `[0]` for elements and `[\"a.b\"]` for odd \
             keys, {MAX_STEPS} in all"
        ))
    };
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
            bracketed(inside).ok_or_else(wrong)?
        } else {
            let after_dot = if steps.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
            let text = after_dot.ok_or_else(wrong)?;
            let end = text.find(['.', '[', ']', '"']).unwrap_or(text.len());
            let (key, after) = text.split_at(end);
            if key.is_empty() {
                return Err(wrong());
            }
            (Step::Key(key.into()), after)
        };
        steps.push(step);
        rest = after;
        if steps.len() > MAX_STEPS {
            return Err(wrong());
        }
    }
    Ok(steps)
}

/// The step behind an opening bracket, and what follows the closing one.
fn bracketed(inside: &str) -> Option<(Step, &str)> {
    if inside.starts_with('"') {
        let mut strings = serde_json::Deserializer::from_str(inside).into_iter::<Box<str>>();
        let key = strings.next()?.ok()?;
        let rest = inside.get(strings.byte_offset()..)?.strip_prefix(']')?;
        return Some((Step::Key(key), rest));
    }
    let (digits, rest) = inside.split_once(']')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { Some((Step::Item(digits.parse().ok()?), rest)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Step, parse};

    fn steps(path: &str) -> Option<Vec<String>> {
        let text = |step: &Step| match step {
            Step::Key(key) => format!("{key:?}"),
            Step::Item(item) => item.to_string(),
        };
        parse("x", path).ok().map(|steps| steps.iter().map(text).collect())
    }

    #[test]
    fn a_path_is_keys_and_elements() {
        let read = |path: &str| steps(path).map(|steps| steps.join(" "));
        assert_eq!(read("").as_deref(), Some(""));
        assert_eq!(read("a.b[0].c").as_deref(), Some(r#""a" "b" 0 "c""#));
        assert_eq!(read("[10][2].id").as_deref(), Some(r#"10 2 "id""#));
        assert_eq!(read(r#"["a.b"].c["\"\u00e4"]"#).as_deref(), Some(r#""a.b" "c" "\"ä""#));
        assert_eq!(read(r#"[""]"#).as_deref(), Some(r#""""#));
        assert_eq!(read("a b.ä-c").as_deref(), Some(r#""a b" "ä-c""#));
    }

    #[test]
    fn anything_else_is_refused() {
        for path in [
            ".",
            ".a",
            "a.",
            "a..b",
            "a[",
            "a[]",
            "a[-1]",
            "a[01]",
            "a[+1]",
            "a]",
            "a[0]b",
            "[\"a]",
            "[\"a\"",
            "['a']",
            "a\"b",
            "a.[0]",
            "a[99999999999999999999999]",
        ] {
            assert_eq!(steps(path), None, "{path}");
        }
        assert!(steps(&vec!["a"; 64].join(".")).is_some());
        assert!(steps(&vec!["a"; 65].join(".")).is_none());
    }
}
