//! A mail server on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

/// An SMTP server that takes every message, and what it got: who it is to, and its lines.
pub fn smtp() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (tell, got) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut out = stream.try_clone().unwrap();
            let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes()).unwrap();
            say("220 mail.example ESMTP");
            let (mut to, mut lines, mut in_data) = (String::new(), String::new(), false);
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                match line.split([' ', ':']).next().unwrap_or_default() {
                    _ if in_data && line == "." => {
                        in_data = false;
                        say("250 taken");
                        let _ = tell.send((to.clone(), lines.clone()));
                    }
                    _ if in_data => lines += &format!("{line}\n"),
                    "RCPT" => {
                        to = line.clone();
                        say("250 ok");
                    }
                    "DATA" => {
                        in_data = true;
                        say("354 go on");
                    }
                    "QUIT" => say("221 bye"),
                    _ => say("250 ok"),
                }
            }
        }
    });
    (url, got)
}
