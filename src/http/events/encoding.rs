//! Bodies as they come compressed, made plain as they come, up to a limit.

use std::io::{self, ErrorKind, Write};

use axum::http::{HeaderMap, StatusCode, header};
use flate2::write::MultiGzDecoder;

use crate::http::problem::Problem;

/// Makes one body plain. Several that were compressed apart and put after each other, as `cat` does with files, are one.
pub enum Decoder {
    Gzip(MultiGzDecoder<Plain>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Plain>>),
}

/// What there is of a body, which may have so many bytes.
pub struct Plain {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Plain {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if more.len() > self.limit - self.bytes.len() {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    /// What a body of such headers takes; none if it is plain.
    pub fn of(headers: &HeaderMap, limit: usize) -> Result<Option<Decoder>, Problem> {
        let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
        let plain = Plain { bytes: Vec::new(), limit };
        // Codings have no case, and gzip has two names.
        match coding.to_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "identity" | "" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Decoder::Gzip(MultiGzDecoder::new(plain)))),
            "zstd" => {
                let decoder = zstd::stream::write::Decoder::new(plain);
                let decoder = decoder.map_err(|e| Problem::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string()))?;
                Ok(Some(Decoder::Zstd(Box::new(decoder))))
            }
            _ => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("content encoding {coding:?} is not taken; send gzip, zstd or none"),
            )),
        }
    }

    /// Takes the next part.
    pub fn take(&mut self, part: &[u8]) -> io::Result<()> {
        match self {
            Decoder::Gzip(decoder) => decoder.write_all(part),
            Decoder::Zstd(decoder) => decoder.write_all(part),
        }
    }

    /// All of the body, unless something of it is missing.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        let plain = match self {
            Decoder::Gzip(decoder) => decoder.finish()?,
            Decoder::Zstd(decoder) => decoder.finish()?,
        };
        Ok(plain.bytes)
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), 1).unwrap()
    }

    /// What becomes of a body that comes byte by byte.
    fn read(coding: &str, body: &[u8], limit: usize) -> io::Result<String> {
        let headers = HeaderMap::from_iter([(header::CONTENT_ENCODING, coding.parse().unwrap())]);
        let mut decoder = Decoder::of(&headers, limit).unwrap().expect("it is compressed");
        body.iter().try_for_each(|byte| decoder.take(&[*byte]))?;
        Ok(String::from_utf8(decoder.finish()?).unwrap())
    }

    #[test]
    fn bodies_put_after_each_other_are_one() {
        for (coding, compress) in
            [("gzip", gzip as fn(&str) -> Vec<u8>), ("X-Gzip", gzip), ("zstd", zstd), ("ZSTD", zstd)]
        {
            let both = [compress("first "), compress("second")].concat();
            assert_eq!(read(coding, &both, 12).unwrap(), "first second", "{coding}");
            assert_eq!(read(coding, &both, 11).unwrap_err().kind(), ErrorKind::FileTooLarge, "{coding}");
        }
    }

    #[test]
    fn what_is_cut_off_or_followed_by_something_else_is_refused() {
        for (coding, whole) in [("gzip", gzip("text")), ("zstd", zstd("text"))] {
            for end in 1..whole.len() {
                assert!(read(coding, &whole[..end], 100).is_err(), "{coding} of {end} bytes");
            }
            assert!(read(coding, &[&whole, &b"something else"[..]].concat(), 100).is_err(), "{coding}");
        }
    }
}
