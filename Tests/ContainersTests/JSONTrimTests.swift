import Testing

@testable import Containers

@Suite("Cutting JSON down")
struct JSONTrimTests {
    private func trim(_ json: String, _ keys: [String: [String]]) -> String? {
        JSONTrim.object(Array(json.utf8), keeping: keys).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "what is asked for, and nothing else",
        arguments: [
            (#"{"a":1,"b":{"c":[1,{"d":"}"}],"e":"\"]"},"f":null}"#, #"{"a":1}"#),
            (#" { "x" : "a\"b{" , "a" : [ 1 , 2 ] } "#, #"{"a":[ 1 , 2 ]}"#), (#"{"b":1}"#, "{}"), ("{}", "{}"),
            (#"{"a":1,"a":2}"#, #"{"a":2}"#), (#"{"\u0061":1}"#, "{}"), (#"{"a":-1.5e3,"z":true}"#, #"{"a":-1.5e3}"#),
            (#"{"a":"\\"}"#, #"{"a":"\\"}"#),
        ])
    func members(json: String, expected: String) {
        #expect(trim(json, ["a": []]) == expected)
    }

    @Test("inside objects")
    func nested() {
        #expect(trim(#"{"c":{"x":[{}],"l":["b=/c"]},"d":0}"#, ["c": ["l"]]) == #"{"c":{"l":["b=/c"]}}"#)
        #expect(trim(#"{"c":7}"#, ["c": ["l"]]) == #"{"c":7}"#)
    }

    @Test(
        "what is no object, cut, or goes on behind its end",
        arguments: [
            "", "[]", "null", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":"x}"#, #"{"a":{"b":1}"#, #"{"a":1}}"#,
            #"{"a":1} x"#, #"{"a":"\"#, #"{a:1}"#, #"{"a":1,}"#,
        ])
    func damaged(json: String) {
        #expect(trim(json, ["a": []]) == nil)
    }
}
