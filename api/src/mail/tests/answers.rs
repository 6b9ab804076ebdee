//! What is said of a mail server that does not take a mail.

use server_scout_ui::mails::Letter;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::super::{Mailer, SendError};
use crate::config::{Smtp, SmtpTls};

/// A mail server that answers each recipient with these words.
async fn server(words: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream
            .write_all(b"220 mx3.corp.internal\r\n")
            .await
            .unwrap();
        let mut line = String::new();
        while stream.read_line(&mut line).await.unwrap_or_default() > 0 {
            let answer = if line.starts_with("RCPT") {
                words
            } else {
                "250 mx3.corp.internal"
            };
            let answer = format!("{answer}\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            line.clear();
        }
    });
    port
}

async fn sent(port: u16) -> SendError {
    let mailer = Mailer::open(
        &Smtp {
            host: "127.0.0.1".to_owned(),
            port,
            from: "scout@example.org".parse().unwrap(),
            tls: SmtpTls::None,
            ca_file: None,
            login: None,
        },
        None,
    )
    .unwrap();
    let letter = Letter {
        subject: "Test".to_owned(),
        paragraphs: Vec::new(),
        link: None,
        end: String::new(),
    };
    { mailer.send("someone@private.example", &letter).await }.unwrap_err()
}

#[tokio::test]
async fn of_a_mail_servers_words_the_code_alone_is_kept() {
    for (words, expected, for_good) in [
        (
            "550 5.1.1 <someone@private.example>: unknown; relay=mx3.corp.internal[10.9.8.7]",
            "The mail server answered 550.",
            true,
        ),
        (
            "451 4.3.0 greylisted by mx3.corp.internal",
            "The mail server answered 451.",
            false,
        ),
        (
            "nothing that an answer looks like",
            "The mail server's answer made no sense.",
            false,
        ),
    ] {
        let error = sent(server(words).await).await;
        assert_eq!(error.to_string(), expected);
        assert_eq!(matches!(error, SendError::Refused(_)), for_good);
    }
    // Nobody listens at the port of a listener that is gone.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = sent(port).await.to_string();
    assert_eq!(error, "The mail server could not be connected to.");
}
