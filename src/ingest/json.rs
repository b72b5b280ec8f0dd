//! JSON read piece by piece: elements are handed on as text of the body, and what is not asked for is skipped without
//! becoming a value. Skipping does not recurse, so nesting costs nothing. Structs of fields keep text of the body as well: one
//! field that is marked `borrow` lets all of a struct's do so.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::field::text;

/// Calls `take` with every element of an array, one after another. After the first error of `take`, the rest is only
/// checked to be JSON.
pub(super) fn each<'a, E>(
    array: &'a [u8],
    take: impl FnMut(&'a RawValue) -> Result<(), E>,
) -> Result<Result<(), E>, serde_json::Error> {
    each_as(array, take)
}

/// Like [`each`], with the elements already read, so that nothing is looked at twice. An element that is no `T` is an
/// error of the whole.
pub(super) fn each_as<'a, T: Deserialize<'a>, E>(
    array: &'a [u8],
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<Result<(), E>, serde_json::Error> {
    let text = array.trim_ascii_start();
    if !text.starts_with(b"[") {
        return Err(serde::de::Error::custom(format_args!("an array is expected, not {}", kind_of(text.first()))));
    }
    let mut reader = serde_json::Deserializer::from_slice(array);
    let mut taken = Ok(());
    reader.deserialize_seq(Elements {
        take: |element| {
            if taken.is_ok() {
                taken = take(element);
            }
        },
        element: PhantomData,
    })?;
    reader.end()?;
    Ok(taken)
}

/// A body with `null` for `NaN` and `Infinity`, which JSON has not and Python writes; nothing if there are none. What
/// stands in texts stays.
pub fn without_nan(body: &[u8]) -> Option<Vec<u8>> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
    let (mut out, mut in_text, mut at) = (Vec::with_capacity(body.len()), false, 0);
    let mut found = false;
    while at < body.len() {
        let word = WORDS.iter().find(|word| !in_text && body[at..].starts_with(word));
        if let Some(word) = word {
            out.extend_from_slice(b"null");
            (found, at) = (true, at + word.len());
            continue;
        }
        match body[at] {
            b'"' => in_text = !in_text,
            b'\\' if in_text => {
                out.push(body[at]);
                at += 1;
            }
            _ => {}
        }
        out.extend(body.get(at));
        at += 1;
    }
    found.then_some(out)
}

struct Elements<T, F> {
    take: F,
    element: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>, F: FnMut(T)> Visitor<'a> for Elements<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            (self.take)(element);
        }
        Ok(())
    }
}

/// An object with fields of `T`. By itself `T` would take an array of its values as well.
pub(super) struct Object<T>(pub T);

impl<'a, T: Deserialize<'a>> Deserialize<'a> for Object<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct OfFields<T>(PhantomData<T>);

        impl<'a, T: Deserialize<'a>> Visitor<'a> for OfFields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'a>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(OfFields(PhantomData))
    }
}

/// An object's fields where there is an object, else none: of a part that is good to have.
#[derive(Debug, Default)]
pub(super) struct Soft<T>(pub T);

impl<'a, T: Default + Deserialize<'a>> Deserialize<'a> for Soft<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Soft<T>, D::Error> {
        struct OfFields<T>(PhantomData<T>);

        impl<'a, T: Default + Deserialize<'a>> Visitor<'a> for OfFields<T> {
            type Value = Soft<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'a>>(self, fields: A) -> Result<Soft<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Soft)
            }

            fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<Soft<T>, A::Error> {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Soft(T::default()))
            }

            fn visit_unit<E>(self) -> Result<Soft<T>, E> {
                Ok(Soft(T::default()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Soft<T>, E> {
                Ok(Soft(T::default()))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Soft<T>, E> {
                Ok(Soft(T::default()))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Soft<T>, E> {
                Ok(Soft(T::default()))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Soft<T>, E> {
                Ok(Soft(T::default()))
            }

            fn visit_str<E>(self, _: &str) -> Result<Soft<T>, E> {
                Ok(Soft(T::default()))
            }
        }

        deserializer.deserialize_any(OfFields(PhantomData))
    }
}

/// Reads an object's fields. Anything else is an error that does not repeat what stands there.
pub(super) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, serde_json::Error> {
    let json = json.trim_ascii();
    if !json.starts_with('{') {
        return Err(serde::de::Error::custom(format_args!("an object is expected, not {}", kind(json))));
    }
    serde_json::from_str(json)
}

/// What a value is, without repeating any of it: it may be part of a prompt.
pub(super) fn kind(json: &str) -> &'static str {
    kind_of(json.as_bytes().first())
}

fn kind_of(first: Option<&u8>) -> &'static str {
    match first {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "nothing",
    }
}

/// A field that is there and not `null`.
pub(super) fn present(value: Option<&RawValue>) -> Option<&RawValue> {
    value.filter(|value| value.get() != "null")
}

/// A text that is there and not empty.
pub(super) fn word<'a>(field: &str, value: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, String> {
    Ok(present(value).map(|value| text(field, value)).transpose()?.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_null_outside_of_texts() {
        for (body, expected) in [
            ("[NaN]", Some("[null]")),
            (r#"{"a":-Infinity,"b":Infinity}"#, Some(r#"{"a":null,"b":null}"#)),
            (r#"["NaN",NaN,"\"NaN","\\",NaN]"#, Some(r#"["NaN",null,"\"NaN","\\",null]"#)),
            (r#"["NaN"]"#, None),
            (r#"["cut \"#, None),
            ("", None),
        ] {
            let found = without_nan(body.as_bytes()).map(|body| String::from_utf8(body).unwrap());
            assert_eq!(found.as_deref(), expected, "{body}");
        }
    }

    fn elements(array: &str) -> Result<Vec<&str>, serde_json::Error> {
        let mut found = Vec::new();
        let taken: Result<(), ()> = each(array.as_bytes(), |element| {
            found.push(element.get());
            Ok(())
        })?;
        taken.unwrap();
        Ok(found)
    }

    #[test]
    fn elements_are_handed_on_as_they_stand() {
        assert_eq!(elements(r#" [1, {"a": [2]}, "x" ] "#).unwrap(), ["1", r#"{"a": [2]}"#, r#""x""#]);
        assert!(elements("[]").unwrap().is_empty());
        for broken in ["[1,", "[1] 2", "{}", "[1 2]", ""] {
            assert!(elements(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = format!("[{}{}]", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(elements(&deep).unwrap().len(), 1);
    }
}
