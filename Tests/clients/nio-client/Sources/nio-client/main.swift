import NIOCore
import NIOPosix
import NIOSSL

// nio-client PORT NAME: a TLS connection to this machine's PORT that asks for NAME.
guard CommandLine.arguments.count == 3, let port = Int(CommandLine.arguments[1]) else {
    fatalError("usage: nio-client PORT NAME")
}
let name = CommandLine.arguments[2]
var configuration = TLSConfiguration.makeClientConfiguration()
configuration.certificateVerification = .none
let context = try NIOSSLContext(configuration: configuration)
let channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                try NIOSSLClientHandler(context: context, serverHostname: name))
        }
    }
    .connect(host: "127.0.0.1", port: port).wait()
try channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.0\r\n\r\n")).wait()
try? channel.close().wait()
