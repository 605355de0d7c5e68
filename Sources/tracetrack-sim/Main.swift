internal import Simulator

@main
enum Main {
    static func main() { SimulatorCommand.run(CommandLine.arguments) }
}
