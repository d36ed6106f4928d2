import ai.onnxruntime.*;
import java.awt.image.*;
import java.io.File;
import java.nio.FloatBuffer;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;
import javax.imageio.ImageIO;

/** Label and certified radius of PNG pictures by a sealed file: Predict.java MODEL SHA256 PICTURE... */
public class Predict {
  // A certificate is written in one form, without blanks, so these find its known vectors and the claimed error ρ.
  static final Pattern VECTOR = Pattern.compile("\"image\":\"([^\"]+)\",\"logits\":\\[([^]]+)],\"label\":(\\d+)");
  static final Pattern RHO = Pattern.compile("\"logitError\":\\{\"constant\":(.+?),\"l2\":(.+?),\"l1\":(.+?)}");

  public static void main(String[] args) throws Exception {
    byte[] model = Files.readAllBytes(Path.of(args[0]));
    String sha256 = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(model));
    check(sha256.equals(args[1]), args[0] + ": SHA-256 is " + sha256 + ", expected that of a file that was verified");
    try (var environment = OrtEnvironment.getEnvironment(); var session = environment.createSession(model)) {
      long[] shape = ((TensorInfo) session.getInputInfo().get("image").getInfo()).getShape();
      String certificate = session.getMetadata().getCustomMetadataValue("glean.certificate").orElseThrow();
      MatchResult rho = RHO.matcher(certificate).results().findFirst().orElseThrow();
      List<MatchResult> vectors = VECTOR.matcher(certificate).results().toList();
      check(!vectors.isEmpty(), "the certificate has no known vectors");
      for (MatchResult vector : vectors) {
        byte[] image = Base64.getDecoder().decode(vector.group(1));
        int[] bytes = IntStream.range(0, image.length).map(i -> image[i] & 255).toArray();
        double l1 = IntStream.of(bytes).sum() / 255.0, l2 = Math.sqrt(IntStream.of(bytes).mapToDouble(b -> b * b).sum()) / 255;
        // The whole claim allows more: the latent's error on top.
        double allowed = 2 * (number(rho, 1) + number(rho, 2) * l2 + number(rho, 3) * l1);
        double[] logits = Stream.of(vector.group(2).split(",")).mapToDouble(Double::parseDouble).toArray();
        Answer found = run(session, shape, bytes);
        for (int k = 0; k < logits.length; k++) {
          double deviation = Math.abs(found.logits[k] - logits[k]);
          check(deviation <= allowed, "a known vector's logits deviate by " + deviation + ", allowed are " + allowed);
        }
        check(found.label == Long.parseLong(vector.group(3)), "a known vector has label " + found.label);
      }
      for (String name : Arrays.copyOfRange(args, 2, args.length)) {
        BufferedImage picture = ImageIO.read(new File(name));
        // Samples as the file has them; getRGB would convert the colours of some pictures.
        Raster raster = picture.getRaster();
        boolean fits = raster.getHeight() == shape[1] && raster.getWidth() == shape[2] && raster.getNumBands() == shape[3];
        check(fits && raster.getSampleModel().getSampleSize(0) == 8 && !(picture.getColorModel() instanceof IndexColorModel),
            name + ": expected 8 bits a sample, no palette, and shape " + Arrays.toString(shape));
        Answer found = run(session, shape, raster.getPixels(0, 0, raster.getWidth(), raster.getHeight(), (int[]) null));
        System.out.println(name + " " + found.label + " " + found.radius);
      }
    }
  }

  record Answer(long label, float radius, float[] logits) {}

  /** Runs the file as it is, its own radius included, for one image of bytes; a model sees byte/255. */
  static Answer run(OrtSession session, long[] shape, int[] bytes) throws OrtException {
    FloatBuffer pixels = FloatBuffer.allocate(bytes.length);
    for (int value : bytes) pixels.put(value / 255f);
    long[] one = {1, shape[1], shape[2], shape[3]};
    try (var image = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), pixels.flip(), one);
        var found = session.run(Map.of("image", image))) {
      long[] label = (long[]) found.get("label").orElseThrow().getValue();
      float[] radius = (float[]) found.get("radius").orElseThrow().getValue();
      return new Answer(label[0], radius[0], ((float[][]) found.get("logits").orElseThrow().getValue())[0]);
    }
  }

  static double number(MatchResult match, int group) {
    return Double.parseDouble(match.group(group));
  }

  static void check(boolean holds, String problem) {
    if (!holds) throw new IllegalStateException(problem);
  }
}
