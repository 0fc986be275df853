import Rendering
import Testing

@Suite struct FilterTests {
    private func matches(_ expressions: String..., row: Sample = Sample()) throws -> Bool {
        try Filter(expressions, schema: Sample.schema).matches(row)
    }

    private func failure(_ expression: String) -> String? {
        #expect(throws: UsageError.self) { try Filter([expression], schema: Sample.schema) }?.description
    }

    @Test(arguments: [
        "name==www.github.com", "name!=github.com", "name~git.ub", "name~^www\\.", "name!~^git", "proc.pid==3917791",
        "pid>5", "pid>=3917791", "pid<=3917791", "pid<4000000", "PID==03917791", "pid!=1", "comm>curl", "comm<x",
        "comm>=wget", "comm<=wget", " comm == wget ", "name==www.github.com,comm==wget", "pid~^39", "proc.creds.uid==0",
        "pid>-9223372036854775808",
    ])
    func matching(expression: String) throws {
        #expect(try matches(expression))
    }

    @Test(arguments: [
        "name==github.com", "name!=www.github.com", "name~^git", "name!~hub", "pid==391779", "pid>3917791", "pid<5",
        // As text 5 would be greater.
        "pid<=5", "comm>wget", "comm<curl", "name==www.github.com,comm==curl", "comm==curl,name==www.github.com",
    ])
    func notMatching(expression: String) throws {
        #expect(try !matches(expression))
    }

    @Test func severalExpressionsAreAnded() throws {
        #expect(try matches("comm==wget", "pid>5"))
        #expect(try !matches("comm==wget", "pid<5"))
        #expect(try Filter([], schema: Sample.schema).matches(Sample()))
    }

    @Test func fieldThatDoesNotApplyIsEmptyText() throws {
        let row = Sample(name: nil)
        #expect(try matches("name!=x", "name==", "name!~x", "name~^$", row: row))
        for expression in ["name!=", "name==x", "name~x", "name>a", "name<a", "name>=", "name<="] {
            #expect(try !matches(expression, row: row), "\(expression)")
        }
    }

    @Test func booleans() throws {
        let row = Sample(truncated: true)
        #expect(try matches("nameTruncated==true", row: row))
        #expect(try matches("nameTruncated!=true"))
        #expect(try !matches("nameTruncated==false"))
    }

    @Test func escapedCommaBelongsToTheValue() throws {
        let row = Sample(comm: "a,b")
        #expect(try matches("comm==a\\,b,pid>5", row: row))
        #expect(try matches("comm~^a\\,b{1\\,2}$", row: row))
    }

    @Test func operatorsInsideTheValue() throws {
        #expect(try matches("comm==a==b", row: Sample(comm: "a==b")))
        #expect(try matches("comm~a<b", row: Sample(comm: "a<b")))
    }

    @Test func patternsLookAtScalars() throws {
        #expect(try matches("comm~cafe", row: Sample(comm: "cafe\u{301}")))
    }

    @Test func badInputIsExplained() throws {
        #expect(try #require(failure("name")).contains("no operator"))
        #expect(try #require(failure("")).contains("no operator"))
        #expect(try #require(failure("name=x")).contains("no operator"))
        #expect(try #require(failure("name==x,")).contains("no operator"))
        #expect(try #require(failure("==x")).contains("no field"))
        #expect(try #require(failure("nam==x")).contains("proc.pid (pid)"))
        #expect(try #require(failure("proc==x")).contains("no field 'proc'"))
        #expect(try #require(failure("name~(a")).contains("'name~(a' has a bad regular expression"))
        #expect(try #require(failure("pid>abc")).contains("integer"))
        #expect(try #require(failure("pid==99999999999999999999")).contains("integer"))
        #expect(try #require(failure("nameTruncated==1")).contains("true or false"))
        #expect(try #require(failure("name~" + String(repeating: "a", count: 4096))).contains("4096"))
    }
}
