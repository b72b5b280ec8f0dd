//! A client of HTTP/1.1 that costs next to nothing.
#![allow(dead_code, reason = "each bench uses a part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::server::TOKEN;

pub fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    BufReader::new(stream)
}

/// Asks, and gives the answer's body.
pub fn ask(stream: &mut BufReader<TcpStream>, question: &str) -> Vec<u8> {
    let request = format!("GET {question} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
    read_answer(stream)
}

/// Posts JSON: `head` is [`post_head`].
pub fn post_head(path: &str, body: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {body}\r\n\r\n"
    )
}

/// Asks for a file, and gives the length of what came, and how long it took to begin.
pub fn download(address: &str, path: &str) -> (usize, Duration) {
    let mut stream = connect(address);
    let started = Instant::now();
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
    let (length, chunked) = read_head(&mut stream);
    let began = started.elapsed();
    assert!(!chunked, "a file says how long it is");
    let (mut left, mut buffer) = (length, vec![0; 256 << 10]);
    while left > 0 {
        let most = left.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).expect("a body");
        assert!(read > 0, "the body ended early");
        left -= read;
    }
    (length, began)
}

/// The body of an answer, which must be 200.
pub fn read_answer(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let (length, mut chunked) = read_head(stream);
    let mut line = String::new();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    while chunked {
        line.clear();
        stream.read_line(&mut line).expect("a chunk");
        let size = usize::from_str_radix(line.trim_end(), 16).expect("hexadecimal");
        let at = body.len();
        body.resize(at + size + 2, 0);
        stream.read_exact(&mut body[at..]).expect("a chunk");
        body.truncate(at + size);
        chunked = size > 0;
    }
    body
}

/// How long a body is, or whether it comes in chunks.
fn read_head(stream: &mut BufReader<TcpStream>) -> (usize, bool) {
    let (mut length, mut chunked, mut line) = (0, false, String::new());
    stream.read_line(&mut line).expect("an answer");
    assert!(line.contains(" 200 "), "{line}");
    loop {
        line.clear();
        stream.read_line(&mut line).expect("a header");
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
        chunked |= header == "transfer-encoding: chunked";
    }
    (length, chunked)
}
