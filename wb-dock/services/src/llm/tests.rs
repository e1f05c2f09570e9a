use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use wb_dock::cap::{FailureKind, Message, Role};
use wb_policy::Origin;

use super::*;
use crate::Tls;
use crate::testing::{Guest, loopback, read_request, response, serve, serve_http};

const OPENAI_STREAM: &str = "\
data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
data: {\"choices\":[{\"delta\":{\"content\":\"H\u{e9}l\"}}],\"usage\":null}\n\n\
: keep-alive\n\n\
data: {\"choices\":[{\"delta\":{\"content\":\"lo \u{1f980}\"}}]}\n\n\
data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n\
data: [DONE]\n\n";

const ANTHROPIC_STREAM: &str = "\
event: message_start\n\
data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n\
event: content_block_start\n\
data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: ping\ndata: {\"type\": \"ping\"}\n\n\
event: content_block_delta\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"H\u{e9}l\"}}\n\n\
event: content_block_delta\n\
data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo \u{1f980}\"}}\n\n\
event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\n\
data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

const BOTH: [(Format, &str); 2] = [
    (Format::OpenAi, OPENAI_STREAM),
    (Format::Anthropic, ANTHROPIC_STREAM),
];

fn stream_head() -> &'static [u8] {
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
}

/// Sends `stream` in chunks of `step` bytes, and its end unless it is cut.
fn serve_stream(stream: String, step: usize, whole: bool) -> SocketAddr {
    serve(move |mut connection| {
        read_request(&mut connection);
        let _ = connection.write_all(stream_head());
        for piece in stream.as_bytes().chunks(step) {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            let _ = connection.write_all(&chunk);
        }
        if whole {
            let _ = connection.write_all(b"0\r\n\r\n");
        }
    })
}

fn llm(format: Format, address: SocketAddr) -> HttpLlm {
    let client = HttpClient::new(loopback(), Tls::system());
    let provider = Provider::new(format, format!("http://{address}/v1/"), "default-model");
    HttpLlm::new(client, provider.key("provider")).keys(Arc::new(|name: &str, _: &Origin| {
        assert_eq!(name, "provider");
        Ok(b"key-1234".to_vec().into())
    }))
}

fn prompt() -> Prompt {
    Prompt {
        system: "Be brief.".into(),
        messages: vec![Message {
            role: Role::User,
            content: "Say {{secret:name}}".into(),
        }],
        max_tokens: Some(9),
        temperature: Some(0.5),
        stop: vec!["END".into()],
        ..Prompt::default()
    }
}

/// The pieces of the answer and its tokens; a failure comes with the pieces before it.
fn answer(llm: &HttpLlm) -> (Vec<String>, Result<Tokens, Failure>) {
    let guest = Guest::new();
    let who = guest.who();
    let mut pieces = Vec::new();
    let mut completion = match llm.complete(&who, &prompt()) {
        Ok(completion) => completion,
        Err(failure) => return (pieces, Err(failure)),
    };
    loop {
        match completion.next(&who) {
            Ok(Some(piece)) => pieces.push(piece),
            Ok(None) => {
                assert_eq!(completion.next(&who), Ok(None));
                return (pieces, Ok(completion.tokens()));
            }
            Err(failure) => {
                assert_eq!(completion.next(&who), Ok(None));
                return (pieces, Err(failure));
            }
        }
    }
}

#[test]
fn streams_come_in_pieces_however_they_are_cut() {
    for (format, stream) in BOTH {
        for step in [1, 3, 1000] {
            let address = serve_stream(stream.to_owned(), step, true);
            let (pieces, tokens) = answer(&llm(format, address));
            assert_eq!(pieces, ["H\u{e9}l", "lo \u{1f980}"], "{format:?} by {step}");
            assert_eq!(
                tokens,
                Ok(Tokens {
                    input: 7,
                    output: 3
                })
            );
        }
    }
}

#[test]
fn pieces_arrive_while_the_rest_is_being_written() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let told = Mutex::new(told);
    let address = serve(move |mut connection| {
        read_request(&mut connection);
        let (first, rest) = OPENAI_STREAM.split_at(OPENAI_STREAM.find(": keep-alive").unwrap());
        for part in [first, rest] {
            let head = if part == first { stream_head() } else { b"" };
            let chunk = format!("{:x}\r\n{part}\r\n", part.len());
            let _ = connection.write_all(&[head, chunk.as_bytes()].concat());
            if part == first {
                told.lock().unwrap().recv().unwrap();
            }
        }
        let _ = connection.write_all(b"0\r\n\r\n");
    });
    let guest = Guest::new();
    let who = guest.who();
    let mut completion = llm(Format::OpenAi, address)
        .complete(&who, &prompt())
        .unwrap();
    assert_eq!(completion.next(&who), Ok(Some("H\u{e9}l".into())));
    tell.send(()).unwrap();
    assert_eq!(completion.next(&who), Ok(Some("lo \u{1f980}".into())));
}

#[test]
fn an_answer_that_is_cut_off_is_no_answer() {
    for (format, stream) in BOTH {
        let middle = stream.find("lo \u{1f980}").unwrap();
        for whole in [true, false] {
            let address = serve_stream(stream[..middle].to_owned(), 50, whole);
            let (pieces, failure) = answer(&llm(format, address));
            assert_eq!(pieces, ["H\u{e9}l"]);
            assert_eq!(failure.unwrap_err().kind, FailureKind::Failed);
        }
    }
}

#[test]
fn errors_within_a_stream_are_told() {
    for (format, event) in [
        (
            Format::OpenAi,
            "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        ),
        (
            Format::Anthropic,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"overloaded\"}}\n\n",
        ),
    ] {
        let (_, failure) = answer(&llm(format, serve_stream(event.into(), 9, true)));
        assert_eq!(
            failure.unwrap_err().message,
            "the model gave up: overloaded"
        );
    }
    let (_, failure) = answer(&llm(
        Format::OpenAi,
        serve_stream("data: {]\n\n".into(), 9, true),
    ));
    assert_eq!(failure.unwrap_err().kind, FailureKind::Failed);
}

#[test]
fn servers_that_do_not_stream_are_understood() {
    for (format, body) in [
        (
            Format::OpenAi,
            r#"{"choices":[{"message":{"content":"Hello"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#,
        ),
        (
            Format::Anthropic,
            r#"{"content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}],"usage":{"input_tokens":7,"output_tokens":3}}"#,
        ),
    ] {
        let json = [("Content-Type", "application/json")];
        let address = serve_http(move |_| response(200, &json, body.as_bytes()));
        let (pieces, tokens) = answer(&llm(format, address));
        assert_eq!(pieces, ["Hello"]);
        assert_eq!(
            tokens,
            Ok(Tokens {
                input: 7,
                output: 3
            })
        );
    }
    let address = serve_http(|_| response(200, &[], b"{}"));
    for format in [Format::OpenAi, Format::Anthropic] {
        let (_, failure) = answer(&llm(format, address));
        assert_eq!(failure.unwrap_err().kind, FailureKind::Failed);
    }
}

/// What a provider is sent, as header and JSON.
fn asked(format: Format, prompt: &Prompt) -> (String, serde_json::Value) {
    let seen = Arc::new(Mutex::new(String::new()));
    let sink = seen.clone();
    let address = serve_http(move |request| {
        request.clone_into(&mut sink.lock().unwrap());
        response(200, &[], b"{}")
    });
    let guest = Guest::new();
    let _ = llm(format, address).complete(&guest.who(), prompt);
    let seen = seen.lock().unwrap();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn requests_are_written_in_the_format_of_the_provider() {
    let (head, body) = asked(Format::OpenAi, &prompt());
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("authorization: Bearer key-1234"), "{head}");
    assert_eq!(
        body,
        serde_json::json!({
            "model": "default-model",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Say {{secret:name}}"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 9,
            "temperature": 0.5,
            "stop": ["END"],
        })
    );
    let (head, body) = asked(Format::Anthropic, &prompt());
    assert!(head.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("x-api-key: key-1234"), "{head}");
    assert!(head.contains("anthropic-version: 2023-06-01"), "{head}");
    assert_eq!(
        body,
        serde_json::json!({
            "model": "default-model",
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "Say {{secret:name}}"}],
            "stream": true,
            "max_tokens": 9,
            "temperature": 0.5,
            "stop_sequences": ["END"],
        })
    );
}

#[test]
fn refusals_carry_the_providers_words_and_never_the_key() {
    for (status, kind) in [
        (400, FailureKind::BadRequest),
        (401, FailureKind::Unavailable),
        (429, FailureKind::Limit),
        (529, FailureKind::Unavailable),
        (302, FailureKind::Failed),
    ] {
        let address = serve_http(move |_| {
            let body = format!(
                "{{\"error\":{{\"message\":\"no key-1234\\n{}\"}}}}",
                "x".repeat(2000)
            );
            response(status, &[("Location", "/elsewhere")], body.as_bytes())
        });
        let (_, failure) = answer(&llm(Format::OpenAi, address));
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind, kind);
        assert!(failure.message.contains("no ******** x"), "{failure}");
        assert!(failure.message.len() < 600);
    }
}

#[test]
fn prompts_are_checked_before_anybody_is_asked() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let llm = llm(Format::OpenAi, nobody);
    let scoped = Guest::new().scoped(r#"{"llm":["small-*"]}"#);
    let ask = |prompt: Prompt| llm.complete(&scoped.who(), &prompt).err().unwrap().kind;
    let named = |model: &str| Prompt {
        model: model.into(),
        ..prompt()
    };
    assert_eq!(ask(named("large-1")), FailureKind::Refused);
    assert_eq!(ask(prompt()), FailureKind::Refused);
    assert_eq!(ask(named("small-1")), FailureKind::Failed);
    let empty = Prompt {
        messages: Vec::new(),
        ..named("small-1")
    };
    assert_eq!(ask(empty), FailureKind::BadRequest);
    let hot = Prompt {
        temperature: Some(f32::NAN),
        ..named("small-1")
    };
    assert_eq!(ask(hot), FailureKind::BadRequest);
}

#[test]
fn a_model_that_falls_silent_is_left_in_time() {
    let address = serve(|mut connection| {
        read_request(&mut connection);
        let _ = connection.write_all(stream_head());
        thread::sleep(Duration::from_secs(20));
    });
    let hurried = Guest::new().within(Duration::from_millis(300), 1 << 20);
    let who = hurried.who();
    let mut completion = llm(Format::OpenAi, address)
        .complete(&who, &prompt())
        .unwrap();
    assert_eq!(
        completion.next(&who).unwrap_err().kind,
        FailureKind::TimedOut
    );
}
